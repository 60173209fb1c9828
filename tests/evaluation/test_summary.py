"""Intervals come from drawing volumes, not slices."""

import numpy as np

from mript_jax.evaluation.summary import beyond_chance, bootstrap_interval


def test_the_interval_holds_the_true_mean_nearly_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        of_volume = rng.normal(30.0, 2.0, 20)
        values = np.repeat(of_volume, 5) + rng.normal(0, 0.1, 100)
        low, high = bootstrap_interval(values, np.repeat(np.arange(20), 5).astype(str))
        held += low <= 30.0 <= high
    assert 0.88 <= held / 200 <= 0.99


def test_slices_that_agree_within_a_volume_do_not_narrow_the_interval():
    of_volume = np.random.default_rng(0).normal(30.0, 2.0, 12)
    one = bootstrap_interval(of_volume, [str(i) for i in range(12)])
    ten = bootstrap_interval(np.repeat(of_volume, 10), [str(i // 10) for i in range(120)])
    naive = bootstrap_interval(np.repeat(of_volume, 10), [str(i) for i in range(120)])
    assert abs((ten[1] - ten[0]) / (one[1] - one[0]) - 1) < 0.05
    assert naive[1] - naive[0] < 0.5 * (ten[1] - ten[0])


def test_one_volume_has_no_interval():
    assert bootstrap_interval(np.array([1.0, 2.0]), ["a", "a"]) == (None, None)


def test_a_gain_of_noise_is_seldom_beyond_chance_and_a_real_one_nearly_always():
    noise = np.random.default_rng(0).normal(0.0, 0.3, (400, 20))
    assert 0.0 < np.mean([beyond_chance(gains) for gains in noise]) < 0.06
    assert np.mean([beyond_chance(gains + 0.3) for gains in noise]) > 0.95
    assert beyond_chance([0.1]) and not beyond_chance([0.0]) and not beyond_chance([-0.1])
