import numpy as np
import pytest

from mript_jax.physics.masks import sample_mask


@pytest.mark.parametrize("acceleration", [2, 3, 4, 6, 9])
def test_caipi_of_whole_acceleration_is_a_lattice(acceleration):
    mask = sample_mask("caipi", (36, 72), acceleration, 0, 4)
    assert mask.mean() == pytest.approx(1 / acceleration, abs=1e-6)
    for y in range(36):
        assert set(np.diff(np.flatnonzero(mask[y]))) == {acceleration}


@pytest.mark.parametrize("acceleration", [4, 6, 8, 9])
def test_caipi_aliases_lie_farther_apart_than_those_of_lines(acceleration):
    mask = sample_mask("caipi", (72, 72), acceleration, 0, 0)
    aliases = np.abs(np.fft.fft2(mask))
    at = np.argwhere(aliases > 0.5 * aliases.max())[1:]
    distance = np.hypot(*np.minimum(at, 72 - at).T).min()
    assert distance > 1.5 * 72 / acceleration
