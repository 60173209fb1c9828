"""ESPIRiT, coil compression, whitening and SENSE beside those of BART, where it is installed."""

import shutil

import numpy as np
import pytest

from mript_jax.data.phantom.slices import make_slice
from mript_jax.data.phantom.volume import coil_sensitivities
from mript_jax.evaluation.baselines.bart import Bart
from mript_jax.physics.calibration import known_region
from mript_jax.physics.coils import compress_coils
from mript_jax.physics.espirit import espirit, sensitivity_maps
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.measurement import solve
from mript_jax.physics.noise import prewhiten

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bart") is None, reason="BART is not installed"),
]
SHAPE, COILS, LEVEL = (128, 96), 8, 0.003


@pytest.fixture
def bart(tmp_path):
    return Bart(tmp_path)


@pytest.fixture(scope="module")
def scan():
    """k-space [C, H, W] and image [H, W] of a head."""
    image = make_slice(7, 0, SHAPE, ("head",)).image
    rng = np.random.default_rng(0)
    maps = coil_sensitivities(COILS, SHAPE, rng)
    noise = rng.standard_normal((2, COILS, *SHAPE))
    return (fft2c(maps * image) + LEVEL * (noise[0] + 1j * noise[1])).astype(np.complex64), image


@pytest.mark.parametrize("threshold", [0.01, 0.03])
@pytest.mark.parametrize("width", [24, 12])
def test_maps_and_eigenvalues_are_those_of_ecalib(bart, scan, width, threshold):
    kspace, image = scan
    mask = np.zeros(SHAPE, np.float32)
    mask[:, (SHAPE[1] - width) // 2 : (SHAPE[1] + width) // 2] = 1
    command = f"ecalib -r 24:{width}:1 -k 6 -t {threshold**2} -c 0 -m 1"  # of squares
    theirs, their_values = bart(command, kspace * mask, results=2)
    ours, values = espirit(kspace, mask, kernel=(6, 6), threshold=threshold, crop=0.0)
    inside = np.abs(image) > 0.1
    alike = np.abs(np.sum(np.conj(theirs[0]) * np.asarray(ours)[0], axis=0))  # no phase
    assert alike[inside].min() > 1 - 1e-4
    close = np.abs(np.asarray(values)[0] - np.abs(their_values[0, 0]))
    assert close[inside].max() < 1e-4


def test_maps_of_few_lines_explain_more_of_the_scan_than_those_of_ecalib(bart, scan):
    kspace, image = scan
    mask = sample_mask("cartesian_equispaced", SHAPE, 4, 0.08, 0)
    region = known_region(mask, (24, 24))
    assert region[1] < 12
    (theirs,) = bart(f"ecalib -r 24:{region[1]}:1 -c 0 -m 1", kspace * mask)
    images, bright = ifft2c(kspace), np.abs(image) > 0.1

    def left(maps: np.ndarray) -> float:
        explained = maps * np.sum(np.conj(maps) * images, axis=0)
        return float(np.linalg.norm((images - explained)[:, bright]))

    assert left(sensitivity_maps(kspace * mask, mask)) < 0.5 * left(theirs[0])


@pytest.mark.parametrize("coils", [2, 5])
def test_compression_keeps_as_much_energy_as_cc(bart, scan, coils):
    kspace, _ = scan
    (theirs,) = bart(f"cc -p {coils} -A -S", kspace)
    ours = np.linalg.norm(compress_coils(kspace, coils))
    assert theirs.shape[1] == coils
    assert ours == pytest.approx(np.linalg.norm(theirs), rel=1e-4)


def test_whitening_is_that_of_whiten_but_for_the_scale(bart, scan, random_complex):
    kspace, _ = scan
    noise = (np.eye(COILS) + 0.3 * random_complex(COILS, COILS)) @ random_complex(COILS, 5000)
    (theirs,) = bart("whiten -n", kspace, noise[:, :, None])
    ours = prewhiten(kspace, noise)
    scale = np.vdot(theirs[0], ours) / np.vdot(theirs[0], theirs[0])
    np.testing.assert_allclose(ours, scale * theirs[0], atol=1e-3 * np.abs(ours).max())


@pytest.mark.parametrize("weight", [0.01, 0.2])
def test_solution_is_that_of_regularized_sense(bart, scan, weight):
    kspace, image = scan
    mask = sample_mask("cartesian_random", SHAPE, 3, 0.16, 0)
    maps = sensitivity_maps(kspace * mask, mask)
    (theirs,) = bart(f"pics -w 1 -i 100 -l2 -r {weight}", kspace * mask, maps)
    ours = solve(0 * image, weight, kspace, mask, maps, steps=100)
    np.testing.assert_allclose(ours, theirs[0, 0], atol=1e-3 * np.abs(ours).max())
