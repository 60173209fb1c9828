"""The evaluation command: what it prints on the way."""

from mript_jax.commands.evaluate import TaskProgress
from mript_jax.physics.tasks import TASKS


def test_remaining_time_is_that_of_the_tasks_since_the_first(capsys):
    times = iter([0.0, 60.0, 70.0, 80.0])  # the first task compiles
    progress = TaskProgress(5, clock=lambda: next(times))
    for task in TASKS[:4]:
        progress(task)
    assert capsys.readouterr().out.splitlines() == [
        "cartesian_random 2x (1 of 5)",
        "cartesian_random 4x (2 of 5, 0:04:00 left)",
        "cartesian_random 6x (3 of 5, 0:00:30 left)",
        "cartesian_random 8x (4 of 5, 0:00:20 left)",
    ]
