"""Shared fixtures: random complex arrays and the adjoint test."""

import numpy as np
import pytest


@pytest.fixture
def random_complex():
    """Complex64 noise of a given shape and seed."""

    def make(*shape: int, seed: int = 0) -> np.ndarray:
        parts = np.random.default_rng(seed).standard_normal((2, *shape))
        return (parts[0] + 1j * parts[1]).astype(np.complex64)

    return make


@pytest.fixture
def assert_adjoint(random_complex):
    """Check <A x, y> = <x, A* y> for random x and y."""

    def check(operator, adjoint, domain: tuple[int, ...], image: tuple[int, ...]) -> None:
        x, y = random_complex(*domain, seed=1), random_complex(*image, seed=2)
        left, right = np.vdot(operator(x), y), np.vdot(x, adjoint(y))
        assert abs(left - right) <= 1e-4 * np.linalg.norm(x) * np.linalg.norm(y)

    return check
