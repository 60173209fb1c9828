"""The SSIM of k-space pictures ignores the phase; and the table of several models."""

from pathlib import Path

import jax
import numpy as np
import pytest
from absl.testing import flagsaver

from mript_jax import cli
from mript_jax.batch import empty_example, stack
from mript_jax.benchmarks.kspace_ssim import (
    FIELDS,
    main,
    measure,
    method_names,
    without_phase,
    zero_filled,
)
from mript_jax.checkpoint import save_params
from mript_jax.config import base_config, load_config_file
from mript_jax.data.pipeline import evaluation_batches
from mript_jax.models import build_model
from mript_jax.physics.tasks import make_task

SIMMIM = Path(__file__).parents[2] / "configs" / "simmim.py"


def test_right_picture_of_kspace_can_have_a_worse_image_than_zero_filling():
    data = base_config().data
    data.image_size = 64
    data.options.phantom.update({"count": 24, "size": 64})
    task = make_task("cartesian_random", 4.0)
    batch, _ = next(evaluation_batches(data, "test", task, 2, 2, fields=FIELDS))
    phaseless, baseline = measure(without_phase, batch), measure(zero_filled, batch)
    assert np.min(phaseless["k-space SSIM"]) > 0.99 and np.max(baseline["k-space SSIM"]) < 0.5
    assert np.mean(phaseless["image PSNR (dB)"]) < np.mean(baseline["image PSNR (dB)"])


def test_names_of_methods_are_unique():
    assert method_names(["a/run", "b/run", "b/other/"]) == ["a/run", "b/run", "other"]
    assert method_names(["runs/zero-filled"], ["zero-filled"]) == ["runs/zero-filled"]


@pytest.mark.slow
def test_table_has_any_acceleration_and_models_in_folders_of_one_name(tmp_path, capsys):
    config = load_config_file(SIMMIM).unlock()
    config.data.image_size = 32
    config.data.patterns = ("cartesian_random",)
    config.data.options.phantom.update({"count": 24, "size": 32})
    config.model.update({"width": 24, "depths": (1,)})
    batch = stack([empty_example((32, 32), ("kspace",))])
    params = build_model(config.model).init(jax.random.key(0), batch, method="predict")["params"]
    paths = [str(tmp_path / folder / "run") for folder in "ab"]
    for path in paths:
        save_params(path, params, config)
    cli.FLAGS.mark_as_parsed()
    with flagsaver.flagsaver(checkpoint=paths, accelerations=["3"], slices=2):
        main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[4:]] == paths
    assert "nan" not in "".join(lines)
