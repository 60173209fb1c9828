"""Shared fixture: random parameters in which no entry is zero."""

import jax
import numpy as np
import pytest


@pytest.fixture(scope="session")
def random_params():
    """Random parameters of given shapes, none zero; much faster than `init`."""

    def make(shapes, seed=0):
        generator = np.random.default_rng(seed)

        def draw(path, leaf):
            centre = 1.0 if path[-1].key == "scale" else 0.0
            spread = min(0.2, np.prod(leaf.shape[1:-1]) ** -0.5)
            return (centre + spread * generator.standard_normal(leaf.shape)).astype(np.float32)

        return jax.tree_util.tree_map_with_path(draw, shapes)

    return make
