"""BART as a baseline: called on batches like our own compressed sensing."""

import shutil

import numpy as np
import pytest

from mript_jax.data.measured import measured_batches
from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.readers import open_source
from mript_jax.errors import UserError
from mript_jax.evaluation.baselines import bart, bart_total_variation, bart_wavelet
from mript_jax.evaluation.metrics import psnr
from mript_jax.evaluation.protocols import get_protocol
from mript_jax.physics.tasks import TASKS

needs_bart = pytest.mark.skipif(shutil.which("bart") is None, reason="BART is not installed")


def make_batch(folder, coils):
    write_fastmri_h5(folder / "v.h5", 5, 0, 2, 64, coils=coils)
    source = open_source("fastmri", str(folder))
    ((batch, _),) = measured_batches(source, range(2), TASKS[1], 2, fields=("kspace",))
    return batch


def score(batch, image):
    target = batch["target"][..., 0]
    scaled = get_protocol("measured").scale(target, np.asarray(image)[..., 0])
    return float(np.mean(psnr(target, scaled, target.max(axis=(1, 2)))))


def test_missing_program_is_a_user_error_that_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(bart.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="apt-get install bart"):
        bart_wavelet({"kspace": np.ones((1, 1, 4, 4), np.complex64)}, 0.01)


@needs_bart
@pytest.mark.slow
@pytest.mark.parametrize("coils", [1, 6])
@pytest.mark.parametrize("method", [bart_total_variation, bart_wavelet])
def test_image_is_better_than_the_zero_filled_one(tmp_path, method, coils):
    batch = make_batch(tmp_path, coils)
    image = method(batch, 0.005)
    assert image.shape == batch["zero_filled"].shape
    gain = 0.0 if coils == 1 else 2.0
    assert score(batch, image) > score(batch, batch["zero_filled"]) + gain


@needs_bart
@pytest.mark.slow
def test_failure_of_bart_is_told_in_one_line(tmp_path):
    with pytest.raises(UserError, match="bart pics -x failed"):
        bart.Bart(tmp_path)("pics -x", np.ones((1, 4, 4)), np.ones((1, 4, 4)))
