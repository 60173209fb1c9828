"""Runs of the real training command's function, on a model that takes seconds."""

import functools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from mript_jax.checkpoint import Checkpoints, find_checkpoint, load_params, read_data
from mript_jax.config import load_config_file
from mript_jax.errors import UserError
from mript_jax.training.loop import train

ROOT = Path(__file__).parents[2]
RUN = {
    "data.image_size": 32,
    "data.options.phantom.count": 20,
    "data.options.phantom.size": 32,
    "optimizer.name": "adam",  # Muon enlarges differences in rounding
    "global_batch_size": 8,
    "total_steps": 6,
    "checkpoint_every_steps": 2,
    "log_every_steps": 1,
}
MRIPT = {
    "model.patch_size": 4,
    "model.features": 4,
    "model.width": 16,
    "model.depth": 2,
    "model.heads": 2,
    "model.window": 4,
    "model.global_blocks": (1,),
    "model.decoder_depth": 1,
    "model.decoder_heads": 2,
    "model.decoder_mlp": 16,
    "model.iterations": 0,
}
UNET = {"model.features": 4, "model.pools": 1, "model.iterations": 0, "loss": "l1"}  # quick


def config_of(name, sizes, **changes):
    config = load_config_file(ROOT / "configs" / f"{name}.py").unlock()
    config.update_from_flattened_dict({**RUN, **sizes, **changes})
    return config.lock()


small_config = functools.partial(config_of, "unet", UNET)
mript_config = functools.partial(config_of, "mript_tiny", MRIPT)


def same(a, b):
    return jax.tree.all(jax.tree.map(np.array_equal, a, b))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("uninterrupted")
    train(small_config(), workdir)
    return workdir


@pytest.fixture(scope="module")
def mript_run(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("mript")
    train(mript_config(), workdir)
    return workdir


def test_resumed_run_is_bit_identical(uninterrupted, tmp_path):
    for steps in (3, 6):
        train(small_config(total_steps=steps), tmp_path)
    assert same(load_params(uninterrupted), load_params(tmp_path))


def test_a_finished_run_started_again_changes_nothing(uninterrupted):
    before = load_params(uninterrupted)
    train(small_config(), uninterrupted)
    assert same(before, load_params(uninterrupted))


@pytest.mark.slow
def test_resumed_run_of_mript_is_bit_identical(mript_run, tmp_path):
    for steps in (3, 6):
        train(mript_config(total_steps=steps), tmp_path)
    assert same(load_params(mript_run), load_params(tmp_path))


@pytest.mark.slow
def test_the_number_of_devices_does_not_change_the_loss(mript_run, tmp_path):
    one = jax.tree.leaves(load_params(mript_run))
    train(mript_config(mesh="data:2,fsdp:2,model:2"), tmp_path)
    for a, b in zip(one, jax.tree.leaves(load_params(tmp_path)), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)


@pytest.mark.slow
def test_micro_batches_add_up_to_the_batch(mript_run, tmp_path):
    train(mript_config(**{"optimizer.micro_batch_size": 1, "mesh": "data:4,model:2"}), tmp_path)
    whole, parts = (jax.tree.leaves(load_params(w)) for w in (mript_run, tmp_path))
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)


@pytest.mark.slow
def test_fine_tuning_starts_from_the_checkpoint(mript_run, tmp_path):
    config = mript_config(
        **{"init_from": str(mript_run), "optimizer.learning_rate": 0.0, "total_steps": 1}
    )
    train(config, tmp_path)
    assert same(load_params(mript_run), load_params(tmp_path))


@pytest.mark.parametrize("field", ["model.features", "seed"])
def test_resuming_with_another_model_or_other_data_is_refused(uninterrupted, field):
    with pytest.raises(UserError, match=f"config.{field} is 32"):
        train(small_config(**{field: 32}), uninterrupted)


@pytest.mark.slow
def test_run_of_an_earlier_version_resumes_at_the_same_example(uninterrupted, tmp_path):
    train(small_config(total_steps=2), tmp_path)
    position = find_checkpoint(tmp_path) / "data" / "metadata"
    assert json.loads(position.read_text()) == {"next_example": 2 * 8}
    position.write_text('{"next_batch": 2}')
    train(small_config(), tmp_path)
    assert same(load_params(uninterrupted), load_params(tmp_path))


@pytest.mark.slow
def test_run_with_another_batch_size_resumes_at_the_next_example(tmp_path):
    train(small_config(total_steps=2), tmp_path)
    train(small_config(total_steps=3, global_batch_size=16), tmp_path)
    assert read_data(find_checkpoint(tmp_path)) == {"next_example": 2 * 8 + 16}


@pytest.mark.slow
def test_run_killed_at_random_moments_is_bit_identical(tmp_path):
    """Kills real runs, also during a save, at least 20 times."""
    values = {
        **RUN,
        **MRIPT,
        "total_steps": 400,
        "checkpoint_every_steps": 5,
        "log_every_steps": 100,
    }
    command = [sys.executable, str(ROOT / "launch" / "train.py")]
    command += [
        f"--config={ROOT / 'configs' / 'mript_tiny.py'}",
        *(f"--config.{k}={v}" for k, v in values.items()),
    ]
    environment = {**os.environ, "XLA_FLAGS": ""}
    subprocess.run([*command, f"--workdir={tmp_path / 'whole'}"], check=True, env=environment)

    killed, generator = tmp_path / "killed", np.random.default_rng(0)
    kills, newest = 0, -1
    while True:
        run = subprocess.Popen(
            [*command, f"--workdir={killed}"], env=environment, start_new_session=True
        )
        progress = newest
        while run.poll() is None and progress <= newest:  # let it get further than last time
            time.sleep(0.05)
            steps = [int(p.name) for p in (killed / "checkpoints").glob("*") if p.name.isdigit()]
            progress = max(steps, default=-1)
        if run.poll() is None:
            time.sleep(float(generator.uniform(0.0, 0.4)))
            if kills < 20:
                os.killpg(run.pid, signal.SIGKILL)
                kills += 1
        run.wait()
        found = int(find_checkpoint(killed).name)
        assert found >= newest, "a kill lost a finished checkpoint"
        newest = found
        if run.returncode == 0:
            break
    assert kills >= 20
    assert same(load_params(tmp_path / "whole"), load_params(killed))
    assert Checkpoints(killed).latest_step() == 400
