import numpy as np
import pytest

from mript_jax.physics.masks import sample_mask
from mript_jax.physics.tasks import LEVELS

GRID = [(size, r, c) for size in (224, 320) for r, c in LEVELS]


@pytest.mark.parametrize(("size", "acceleration", "center"), GRID)
def test_equispaced_columns_match_the_public_code(golden, size, acceleration, center):
    expected = golden("masks_stats")[f"{size}/EquiSpaceMask/acc{acceleration:g}/exact_cols"]
    mask = sample_mask("cartesian_equispaced", (3, size), acceleration, center, seed=5)
    np.testing.assert_array_equal(mask, np.tile(expected, (3, 1)))


@pytest.mark.parametrize(("size", "acceleration", "center"), GRID)
def test_random_columns_have_the_statistics_of_the_public_code(golden, size, acceleration, center):
    z, key = golden("masks_stats"), f"{size}/RandomMask/acc{acceleration:g}"
    masks = np.stack(
        [sample_mask("cartesian_random", (1, size), acceleration, center, s)[0] for s in range(200)]
    )
    assert masks.mean(axis=1) == pytest.approx(float(z[f"{key}/mean_fraction"]), abs=1e-6)
    start, count = z[f"{key}/center_start_and_count_px"]
    assert masks[:, start : start + count].all()
    difference = np.abs(masks.mean(axis=0) - z[f"{key}/prob_cols"])
    assert difference.max() < 0.2
    assert difference.mean() < 0.04


def test_random_columns_differ_between_seeds():
    masks = {sample_mask("cartesian_random", (1, 64), 4, 0.08, s).tobytes() for s in range(20)}
    assert len(masks) == 20
