"""Measures checkpoints on every task: results (JSON, CSV, Markdown, LaTeX) and report.html.

  mript evaluate --checkpoint=runs/tiny --output=runs/tiny/evaluation
  mript evaluate --checkpoint=runs/tiny --output=runs/all \\
      --compare=runs/unet,runs/recon_vit --baselines=total_variation,wavelet
  mript evaluate --checkpoint=runs/tiny --output=runs/knee \\
      --config.data.source=fastmri --config.data.path=FOLDER_OF_H5 \\
      --config.evaluation.protocol=fastmri_official

The data and the tasks are those of the first checkpoint's config; --config.a.b=value changes
them. What a checkpoint was trained on is refused.
"""

import datetime
import time
from collections.abc import Callable
from pathlib import Path

from absl import flags

from mript_jax import cli
from mript_jax.physics.tasks import Task


def run(program: str) -> None:
    cli.run(main, define_flags, __doc__, program, config_from_checkpoint=True)


def define_flags() -> None:
    flags.DEFINE_string(
        "checkpoint", None, "A run's folder, a step in it, weights, or NAME=one of these."
    )
    flags.DEFINE_list("compare", [], "Further checkpoints, as DIR or NAME=DIR.")
    flags.DEFINE_list(
        "baselines",
        [],
        "Beside zero-filling: total_variation, wavelet, conjugate_symmetry; where bart is "
        "installed, bart_total_variation, bart_wavelet.",
    )
    flags.DEFINE_integer(
        "tuning_slices",
        8,
        "Of the training split in each task: the weights of compressed sensing are chosen on them.",
    )
    flags.DEFINE_list("add", [], "Folders of earlier results, whose rows join the tables.")
    flags.DEFINE_integer("seed", 0, "Of the sampling masks.")
    flags.DEFINE_string("output", None, "Folder for the results and the report.")


def main() -> None:
    values = cli.FLAGS
    cli.required(output=values.output)
    cli.at_least(1, "tuning_slices")
    import numpy as np

    from mript_jax.config import check_config
    from mript_jax.evaluation import results as tables
    from mript_jax.evaluation.report import write_report
    from mript_jax.experiments.comparison import compare

    config, wanted = values.config, values.config.evaluation
    check_config(config)
    earlier = [tables.read_results(folder) for folder in values.add]
    checkpoints = named([values.checkpoint, *values.compare])
    results, examples = compare(
        config,
        checkpoints,
        values.baselines,
        values.seed,
        progress=TaskProgress(len(wanted.patterns) * len(wanted.accelerations)),
        tuning_slices=values.tuning_slices,
    )
    most, there = config.evaluation.max_slices, results["slices_in_split"]
    if 0 < most < there:
        print(f"{most} of {there} slices (--config.evaluation.max_slices=0: all of them)")
    output = Path(values.output)
    tables.write_results(output, results, examples)
    write_report(output / "report.html", results, examples)
    if earlier:
        results = tables.merge_results([results, *earlier])
        tables.write_results(output, results, examples)
    print(tables.markdown_table(results))
    for name in [*checkpoints, *values.baselines]:
        above = list(tables.gains(results["rows"], name).values())
        print(
            f"{name} is {np.mean(above):.2f} dB above zero-filled on average over {len(above)} "
            f"tasks (least {np.min(above):.2f} dB)"
        )
    print(f"{output / 'report.html'}")


class TaskProgress:
    """Prints each task when it begins, with the time that is left, by that of the tasks before.

    The first task compiles: it counts only for as long as no other was measured.
    """

    def __init__(self, count: int, clock: Callable[[], float] = time.monotonic):
        self._count, self._clock = count, clock
        self._begun: list[float] = []

    def __call__(self, task: Task) -> None:
        self._begun.append(self._clock())
        number, left = len(self._begun), ""
        if number > 1:
            since = min(number - 2, 1)
            each = (self._begun[-1] - self._begun[since]) / (number - 1 - since)
            rest = datetime.timedelta(seconds=round(each * (self._count - number + 1)))
            left = f", {rest} left"
        text = f"{task.pattern} {task.acceleration:g}x ({number} of {self._count}{left})"
        print(text, flush=True)


def named(paths: list[str]) -> dict[str, str]:
    """Checkpoints by the name given, else that of their model, else of their run."""
    from mript_jax.checkpoint import load_checkpoint_config
    from mript_jax.errors import UserError
    from mript_jax.inference.provenance import checkpoint_name

    checkpoints: dict[str, str] = {}
    for text in paths:
        name, path = cli.name_and_path(text)
        model = load_checkpoint_config(path).model.name
        name = name or (checkpoint_name(path) if model in checkpoints else model)
        if name in checkpoints or name in ("zero_filled", "reference", "mask"):
            raise UserError(f"the name {name!r} is taken; give {path} another: NAME={path}")
        checkpoints[name] = path
    return checkpoints
