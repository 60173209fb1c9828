"""The configs of the unrolled network at the paper's scale say what they cost, and train."""

import re

import jax
import numpy as np
import pytest

from mript_jax.checkpoint import load_params
from mript_jax.config import load_config_file
from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.training.setup import set_up

# As deep and wide as they are, on smaller images and in fewer cascades, which differ in nothing.
FEWER = {
    "data.image_size": 48,
    "data.workers": 0,
    "model.cascades": 2,
    "global_batch_size": 2,
    "optimizer.micro_batch_size": 1,
    "optimizer.warmup_steps": 0,
    "total_steps": 2,
    "checkpoint_every_steps": 0,
}


def arguments(name, workdir, **changes):
    overrides = (f"--config.{field}={value}" for field, value in {**FEWER, **changes}.items())
    return ["train.py", f"--config={name}", f"--workdir={workdir}", *overrides]


@pytest.mark.slow
def test_pretraining_and_fine_tuning_of_the_unrolled_network_take_two_steps(launch, tmp_path):
    options = ("--format=phantom", "--count=24", "--size=48", f"--output={tmp_path}/images")
    assert launch("prepare_data.py", *options).status == 0
    (tmp_path / "scans").mkdir()
    for index in range(4):
        write_fastmri_h5(tmp_path / f"scans/{index}.h5", 9, index, slices=2, size=48, coils=4)
    images = {"data.path": tmp_path / "images"}
    scans = {"data.path": tmp_path / "scans", "data.split_fractions": "(1.0,0.0,0.0)"}
    scans |= {"data.coils": 4, "init_from": tmp_path / "pretrained"}
    pretraining = arguments("unrolled_radimagenet", tmp_path / "pretrained", **images)
    cost = launch(*pretraining, "--estimate").stdout
    assert float(re.search(r"([\d.]+) million parameters", cost).group(1)) > 5
    assert launch(*pretraining).status == 0
    tuning = launch(*arguments("unrolled_fastmri", tmp_path / "tuned", **scans))
    assert tuning.status == 0, tuning.stderr
    before, after = (load_params(tmp_path / name) for name in ("pretrained", "tuned"))
    pairs = zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
    moved = [np.abs(b - a).max() for a, b in pairs]
    assert max(moved) > 0
    assert np.isfinite(moved).all()


@pytest.mark.parametrize(
    ("name", "kspace"),  # of a batch: images, coils, height, width
    [("unrolled_radimagenet", (32, 1, 224, 224)), ("unrolled_fastmri", (8, 12, 320, 400))],
)
def test_weights_and_training_step_fit_together_at_full_size(name, kspace):
    setup = set_up(load_config_file(name), jax.devices()[:1])  # compiles nothing
    assert setup.abstract_batch["kspace"].shape == kspace
    params = setup.abstract_state.params
    assert {leaf.shape[0] for leaf in jax.tree.leaves(params["cascades"])} == {10}
    assert 30e6 < sum(leaf.size for leaf in jax.tree.leaves(params)) < 40e6
    state, metrics = setup.step.eval_shape(*setup.step_arguments)
    assert shapes(state) == shapes(setup.abstract_state)
    assert metrics["loss"].shape == ()


def shapes(tree):
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)
