import numpy as np
import pytest

from mript_jax.evaluation.baselines import conjugate_symmetry
from mript_jax.physics.fourier import fft2c
from mript_jax.physics.tasks import TASKS


def half_sampled(image: np.ndarray) -> dict[str, np.ndarray]:
    """Of each pair k and -k one sample at least."""
    mask = np.zeros(image.shape, np.float32)
    mask[..., : image.shape[-1] // 2 + 1] = 1.0
    target = np.abs(image)[..., None].astype(np.float32)
    kspace = (fft2c(image) * mask)[:, None].astype(np.complex64)
    return {"kspace": kspace, "mask": mask, "target": target}


@pytest.mark.parametrize("shape", [(2, 16, 12), (2, 17, 15)])
def test_a_real_image_comes_back_from_half_of_its_kspace(shape):
    batch = half_sampled(np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32))
    np.testing.assert_allclose(conjugate_symmetry(batch, TASKS[0]), batch["target"], atol=1e-5)


def test_an_image_with_phase_does_not():
    magnitude, phase = np.random.default_rng(0).uniform(0, 3, (2, 1, 16, 12))
    batch = half_sampled(magnitude * np.exp(1j * phase))
    assert np.abs(conjugate_symmetry(batch, TASKS[0]) - batch["target"]).mean() > 0.2
