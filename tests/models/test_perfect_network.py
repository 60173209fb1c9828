"""What data consistency leaves of the image of a perfect network: 4x, no noise; -s shows the dB."""

import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.models.coil_maps import unit_maps
from mript_jax.models.consistency import reconstruct
from mript_jax.models.scan_description import estimate_noise
from mript_jax.physics.coils import calibration_images
from mript_jax.physics.espirit import sensitivity_maps
from mript_jax.physics.tasks import PATTERN_NAMES
from tests.models.test_consistency import make_batch, phase, score, without_maps
from tests.models.test_unrolled import consistency, scan_of

MAPS = {
    "true": lambda batch: batch["sensitivities"],
    "ESPIRiT": lambda batch: np.stack(
        [sensitivity_maps(*scan) for scan in zip(batch["kspace"], batch["mask"], strict=True)]
    ),
    "low-resolution": lambda batch: np.asarray(
        unit_maps(calibration_images(batch["kspace"], batch["mask"]))
    ),
}

FAST = ("cartesian_random", "gaussian_2d")
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in PATTERN_NAMES if name not in FAST]
every_pattern = pytest.mark.parametrize("pattern", [*FAST, *SLOW])


@every_pattern
@pytest.mark.parametrize(
    ("coils", "maps", "least"),
    [
        (1, "true", 60),
        (1, "low-resolution", 60),
        (8, "true", 60),
        (8, "ESPIRiT", 33),
        (8, "low-resolution", 24),
    ],
)
def test_unrolled_network_keeps_the_image_that_its_maps_explain(pattern, coils, maps, least):
    batch = make_batch(coils, pattern)
    found, target = MAPS[maps](batch), batch["target"][..., 0]
    scanned = batch["sensitivities"] * (target * phase())[:, None]
    combined = np.sum(found.conj() * scanned, axis=1)  # has the phase that goes with the maps
    image = (target * np.exp(1j * np.angle(combined))).astype(np.complex64)
    scan = scan_of(batch, found, estimate_noise(batch["kspace"], batch["mask"]))
    kept = score(batch, np.abs(consistency(image, scan, cascades=5))[..., None])
    print(f"unrolled, {coils} coils, maps {maps}, {pattern}: {kept:.1f} dB")
    assert kept > least


@every_pattern
@pytest.mark.parametrize(
    ("coils", "maps", "least"),
    [(1, "none", 44), (8, "true", 47), (8, "low-resolution", 43)],
)
def test_network_of_magnitudes_is_hardly_spoiled(pattern, coils, maps, least):
    """The rest is phase and maps: a network of magnitudes gives no phase."""
    batch = make_batch(coils, pattern)
    given = batch if maps == "true" else without_maps(batch)
    kept = score(batch, reconstruct(lambda _: jnp.asarray(batch["target"]), given, 1))
    print(f"magnitudes, {coils} coils, maps {maps}, {pattern}: {kept:.1f} dB")
    assert kept > least
