import numpy as np
import pytest

from mript_jax.physics.masks import sample_mask
from mript_jax.physics.patterns.trajectories import spiral_pitch, spoke_count


def points_around(mask, radius, margin=0.5):
    """Angles of the sampled points at about a radius from zero frequency, in order."""
    y, x = (np.arange(n) - n // 2 for n in mask.shape)
    r, angle = np.hypot(y[:, None], x), np.arctan2(y[:, None], x)
    return np.sort(angle[(np.abs(r - radius) < margin) & (mask > 0)])


@pytest.mark.parametrize("shape", [(160, 160), (200, 140)])
def test_radial_mask_has_spoke_count_spokes(shape):
    count = spoke_count(shape, 8, 0.0)
    angles = points_around(sample_mask("radial", shape, 8, 0, 3), radius=60)
    between = 2 * np.pi / (2 * count)
    spokes = np.exp(2j * np.pi * angles / between)
    assert abs(spokes.mean()) > 0.9
    gaps = np.diff(angles)
    assert (gaps > between / 2).sum() == pytest.approx(2 * count, abs=1)


def test_turns_of_a_spiral_are_one_pitch_apart():
    shape, pitch = (160, 160), spiral_pitch((160, 160), 8, 0.0)
    assert pitch == 8
    mask = sample_mask("spiral", shape, 8, 0, 5)
    for ray in (mask[80, 90:], mask[90:, 80]):
        at = np.flatnonzero(ray)
        turns = at[np.r_[True, np.diff(at) > 2]]
        assert np.diff(turns).mean() == pytest.approx(pitch, abs=0.5)


def test_trajectories_differ_between_seeds():
    for pattern in ("radial", "spiral"):
        masks = {sample_mask(pattern, (64, 64), 6, 0.02, s).tobytes() for s in range(8)}
        assert len(masks) == 8
