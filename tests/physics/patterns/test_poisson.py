import numpy as np
from scipy.spatial import cKDTree

from mript_jax.physics.masks import sample_mask


def nearest_distances(mask):
    """Radius (edge at 1) of each sampled point, and distance to the nearest other one."""
    at = np.argwhere(mask > 0)
    radius = np.hypot(*((at - np.array(mask.shape) // 2) / (np.array(mask.shape) / 2)).T)
    return radius, cKDTree(at).query(at, k=2)[0][:, 1]


def test_minimum_distance_grows_outwards():
    radius, distance = nearest_distances(sample_mask("poisson_disc", (200, 160), 8, 0.02, 1))
    inner, outer = distance[(radius > 0.3) & (radius < 0.5)], distance[radius > 0.9]
    assert outer.min() >= 2
    assert inner.min() >= 1
    assert outer.mean() > 1.3 * inner.mean()


def test_points_are_more_even_than_random_ones():
    mask = sample_mask("poisson_disc", (160, 160), 8, 0.02, 2)
    radius, distance = nearest_distances(mask)
    shuffled = np.zeros_like(mask).ravel()
    rng = np.random.default_rng(0)
    outer_points = (radius > 0.7).sum()
    y, x = ((np.arange(n) - n // 2) / (n / 2) for n in mask.shape)
    candidates = np.flatnonzero(np.hypot(y[:, None], x) > 0.7)
    shuffled[rng.choice(candidates, outer_points, replace=False)] = 1
    _, by_chance = nearest_distances(shuffled.reshape(mask.shape))
    assert distance[radius > 0.7].mean() > 1.3 * by_chance.mean()
