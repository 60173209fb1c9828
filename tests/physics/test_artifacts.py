import numpy as np
import pytest

from mript_jax.data.phantom.slices import make_slice
from mript_jax.errors import UserError
from mript_jax.physics.artifacts import ARTIFACTS, add_artifact
from mript_jax.physics.fourier import fft2c, ifft2c


@pytest.fixture(scope="module")
def kspace():
    return fft2c(np.abs(make_slice(0, 0, (64, 60)).image).astype(np.float32))


def change(name, kspace, severity, seed=0):
    corrupted = add_artifact(name, kspace, severity, np.random.default_rng(seed))
    assert corrupted.shape == kspace.shape and np.isfinite(corrupted).all()
    return np.linalg.norm(corrupted - kspace) / np.linalg.norm(kspace)


@pytest.mark.parametrize("name", ARTIFACTS)
def test_artifact_grows_with_severity_from_zero(kspace, name):
    changes = [change(name, kspace, severity) for severity in (0.0, 0.3, 1.0)]
    assert changes[0] == 0 < changes[1] < changes[2]
    assert changes[2] > 0.05


@pytest.mark.parametrize("name", ARTIFACTS)
def test_artifact_is_a_function_of_the_seed_and_takes_coils(kspace, name):
    assert change(name, kspace, 0.5, seed=3) == change(name, kspace, 0.5, seed=3)
    change(name, np.stack([kspace, 0.5j * kspace]), 0.5)


def test_motion_and_gradient_delay_preserve_energy(kspace):
    for name in ("rigid_motion", "gradient_delay"):
        corrupted = add_artifact(name, kspace, 1.0, np.random.default_rng(0))
        assert np.linalg.norm(corrupted) == pytest.approx(np.linalg.norm(kspace), rel=0.1)


def test_metal_causes_a_signal_void(kspace):
    before = np.abs(ifft2c(kspace))
    after = np.abs(ifft2c(add_artifact("metal", kspace, 1.0, np.random.default_rng(0))))
    assert (after < 0.01 * before.max()).sum() > (before < 0.01 * before.max()).sum()


@pytest.mark.parametrize(("name", "severity"), [("gosting", 0.5), ("ghosting", 1.5)])
def test_unknown_name_and_severity_out_of_range_are_user_errors(kspace, name, severity):
    with pytest.raises(UserError, match="ghosting"):
        add_artifact(name, kspace, severity, np.random.default_rng(0))
