import jax
import jax.numpy as jnp

from mript_jax.training.compilation import Recompilation


def test_recompiled_step_gives_a_warning_with_its_shapes(capsys):
    step, other = jax.jit(lambda x: x.sum()), jax.jit(lambda x: x.max())
    with Recompilation() as recompilation:
        for number, size in enumerate((4, 4, 7, 7), 1):
            batch = {"target": jnp.zeros((size, 2))}
            other(batch["target"])  # compiles too, but beside the step
            recompilation.begin()
            step(batch["target"])
            recompilation.check(number, batch)
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 1
    assert "step 3 was compiled again" in warnings[0] and "target [7, 2]" in warnings[0]


def test_batches_of_expected_shapes_compile_once_without_a_word(capsys):
    step = jax.jit(lambda x: x.sum())
    with Recompilation(shapes=2) as recompilation:
        for number, size in enumerate((3, 5, 3, 5, 8), 1):
            batch = {"target": jnp.zeros((size, 3))}
            recompilation.begin()
            step(batch["target"])
            recompilation.check(number, batch)
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 1 and "step 5 was compiled again" in warnings[0]
