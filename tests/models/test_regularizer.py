"""The regularizers of unrolled networks: shapes, precision, the scale of their features."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.models.base import build_from
from mript_jax.models.regularizer import NETWORKS

STEM = {
    "name": "conv_transformer",
    "widths": (4, 4, 4),
    "depths": (1, 1, 1),
    "mixers": ("conv", "window", "rows"),
    "dtype": "float32",
    "heads": 2,
    "window": 2,
}
CONV = {"name": "conv", "features": 3, "depth": 1, "dtype": "float32"}
UNET = {"name": "unet", "features": 2, "pools": 1, "dtype": "float32"}
VIT = {
    "name": "recon_vit",
    "image_size": 16,
    "patch_size": 4,
    "width": 4,
    "depth": 1,
    "heads": 2,
    "mlp_ratio": 1.0,
    "dtype": "float32",
}


@pytest.mark.parametrize("network", [STEM, CONV, UNET, VIT], ids=lambda n: n["name"])
def test_every_regularizer_takes_odd_and_rectangular_images(network, random_params):
    model = build_from(NETWORKS, network, "model.network", parent=None)
    rng = np.random.default_rng(0)
    inputs = rng.random((2, 13, 18, 4), np.float32), rng.random((2, 4), np.float32)
    init = functools.partial(model.init, train=False)
    params = random_params(jax.eval_shape(init, jax.random.key(0), *inputs))
    change = jax.jit(functools.partial(model.apply, train=False))(params, *inputs)
    assert change.shape == (2, 13, 18, 4)
    assert np.isfinite(change).all()


@pytest.mark.parametrize(("network", "first"), [(STEM, "stem"), (CONV | {"depth": 2}, "conv_0")])
def test_input_scale_is_a_factor_of_the_first_kernel(network, first, random_params):
    plain, scaled = (
        build_from(NETWORKS, network | {"input_scale": scale}, "model.network", parent=None)
        for scale in (1.0, 3.0)
    )
    rng = np.random.default_rng(0)
    inputs = rng.random((1, 16, 16, 4), np.float32), rng.random((1, 4), np.float32)
    params = random_params(jax.eval_shape(plain.init, jax.random.key(0), *inputs))
    got = jax.jit(scaled.apply)(params, *inputs)
    layer = params["params"][first]
    layer["kernel"] = 3 * layer["kernel"]
    np.testing.assert_allclose(got, jax.jit(plain.apply)(params, *inputs), rtol=1e-4, atol=1e-4)


def test_convolutions_start_as_if_their_features_were_not_scaled():
    rng = np.random.default_rng(0)
    inputs = rng.random((1, 8, 8, 4), np.float32), rng.random((1, 4), np.float32)
    first, second = (
        build_from(
            NETWORKS, CONV | {"depth": 3, "input_scale": s}, "model.network", parent=None
        ).init_with_output(jax.random.key(0), *inputs)[0]
        for s in (1.0, 4.0)
    )
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-6)
    assert first.any()


@pytest.mark.parametrize("network", [STEM, CONV, UNET, VIT], ids=lambda n: n["name"])
def test_correction_of_every_regularizer_is_float32(network):
    model = build_from(NETWORKS, network | {"dtype": "bfloat16"}, "model.network", parent=None)
    shapes = ((2, 16, 16, 4), (2, 4))
    inputs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    init = functools.partial(model.init_with_output, train=False)
    change, _ = jax.eval_shape(init, jax.random.key(0), *inputs)
    assert change.dtype == jnp.float32
