"""Measures a checkpoint on every task: results.json, results.csv and report.html.

  python launch/evaluate.py --checkpoint=runs/tiny --output=runs/tiny/evaluation
  python launch/evaluate.py --checkpoint=runs/tiny --output=runs/knee \\
      --config.data.source=fastmri --config.data.path=FOLDER_OF_H5

The data and the tasks are those of the checkpoint's config; --config.a.b=value changes them.
"""

from pathlib import Path

from absl import flags

from mript_jax import cli

flags.DEFINE_string("checkpoint", None, "A run's folder, one step in it, or converted weights.")
flags.DEFINE_string("output", None, "Folder for the results and the report.")


def main() -> None:
    cli.required(output=cli.FLAGS.output)
    import jax
    import numpy as np

    from mript_jax.checkpoint import find_checkpoint, load_params
    from mript_jax.config import check_config
    from mript_jax.data.pipeline import evaluation_batches
    from mript_jax.evaluation.baselines import zero_filled
    from mript_jax.evaluation.evaluate import evaluate_tasks
    from mript_jax.evaluation.report import write_report
    from mript_jax.evaluation.results import gains, markdown_table, write_results
    from mript_jax.models import build_model
    from mript_jax.physics.tasks import task_grid

    config = cli.FLAGS.config
    check_config(config)
    model, params = build_model(config.model), load_params(cli.FLAGS.checkpoint)
    predict = jax.jit(lambda p, batch: model.apply({"params": p}, batch, method="on_batch"))
    wanted = config.evaluation

    def make_batches(task):
        return evaluation_batches(
            config.data, wanted.split, task, wanted.batch_size, wanted.max_slices
        )

    name = config.model.name
    rows, examples = evaluate_tasks(
        {name: lambda batch: predict(params, batch), "zero_filled": zero_filled},
        make_batches,
        task_grid(
            wanted.patterns,
            wanted.accelerations,
            wanted.center_fractions,
            config.data.patterns,
            config.data.accelerations,
        ),
        wanted.protocol,
        progress=lambda task: print(f"{task.pattern} {task.acceleration:g}x", flush=True),
    )
    results = {
        "model": name,
        "dataset": f"{config.data.source}:{config.data.path}".rstrip(":"),
        "protocol": wanted.protocol,
        "split": wanted.split,
        "checkpoint": str(find_checkpoint(cli.FLAGS.checkpoint)),
        "scale": config.data.scale,
        "rows": rows,
    }
    output = Path(cli.FLAGS.output)
    write_results(output, results, examples)
    write_report(output / "report.html", results, examples)
    above = list(gains(rows, name).values())
    print(markdown_table(results))
    print(
        f"{name} is {np.mean(above):.2f} dB above zero-filled on average over {len(above)} tasks "
        f"(least {np.min(above):.2f} dB)"
    )
    print(f"{output / 'report.html'}")


if __name__ == "__main__":
    cli.run(main, config_from_checkpoint=True)
