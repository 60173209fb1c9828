"""Masked modelling of k-space: hidden samples have no influence, measured ones are kept."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from mript_jax.errors import UserError
from mript_jax.models import build_model
from mript_jax.models.masking import random_cells, tokens_to_pixels, unmeasured_tokens
from mript_jax.models.simmim import around_center
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.kspace_compression import as_channels, compress

SIZE = 16
SHARED = {"name": "simmim", "image_size": SIZE, "mlp_ratio": 2.0, "dtype": "float32"}
SHARED |= {"mask_cell": 4, "mask_ratio": 0.6}
CONFIGS = {
    "vit": {"encoder": "vit", "patch_size": 4, "width": 8, "depths": (2,), "heads": (2,)},
    "swin": {"encoder": "swin", "patch_size": 2, "width": 8, "depths": (2, 1), "heads": (2, 4)},
    "swinrec": {"encoder": "swinrec", "patch_size": 1, "width": 8, "depths": (2,), "heads": (2,)},
}
CONFIGS = {name: SHARED | {"window": 4} | config for name, config in CONFIGS.items()}


def make_batch(shape=(SIZE, SIZE), seed=0):
    rng = np.random.default_rng(seed)
    image = rng.random((2, *shape), np.float32) * np.exp(1j * rng.uniform(-1, 1, (2, *shape)))
    mask = np.broadcast_to(rng.random((2, 1, shape[1])) < 0.4, (2, *shape)).astype(np.float32)
    kspace = fft2c(image.astype(np.complex64))[:, None]  # [B, 1, H, W]
    return {"kspace": kspace * mask[:, None], "full_kspace": kspace, "mask": mask}


def started(config, random_params=None):
    """A compiled (batch, method) -> result, of initial weights or of random ones."""
    model = build_model(config)
    init = jax.jit(lambda key, batch: model.init(key, batch, method="predict"))
    arguments = jax.random.key(0), make_batch()
    if random_params:  # quicker, and no entry is zero
        params = random_params(jax.eval_shape(init, *arguments))
    else:
        params = init(*arguments)
    apply = jax.jit(model.apply, static_argnames="method")
    return lambda batch, method, **rngs: apply(params, batch, method=method, rngs=rngs)


@pytest.fixture(params=CONFIGS, scope="module")
def network(request, random_params):
    return started(CONFIGS[request.param], random_params)


def elsewhere(kspace, where):
    """The k-space with other values where `where` is 1."""
    other = np.random.default_rng(9).standard_normal((2, *kspace.shape)).astype(np.float32)
    return np.where(where[:, None] > 0, 3 * (other[0] + 1j * other[1]), kspace)


def test_hidden_samples_have_no_influence_on_their_prediction(network):
    batch = make_batch()
    first = network(batch, "masked_prediction")
    assert first.estimate.shape == first.target.shape == (2, SIZE, SIZE, 2)
    np.testing.assert_array_equal(first.hidden.sum(axis=(1, 2)), 10 * 4 * 4)  # ceil(0.6 * 16)
    changed = batch | {"full_kspace": elsewhere(batch["full_kspace"], np.asarray(first.hidden))}
    second = network(changed, "masked_prediction")
    np.testing.assert_array_equal(second.hidden, first.hidden)
    np.testing.assert_allclose(second.estimate, first.estimate, atol=1e-6)
    assert np.abs(second.target - first.target).max() > 0.1


def test_visible_samples_have_influence(network):
    batch = make_batch()
    first = network(batch, "masked_prediction")
    visible = 1 - np.asarray(first.hidden)
    changed = batch | {"full_kspace": elsewhere(batch["full_kspace"], visible)}
    difference = np.abs(network(changed, "masked_prediction").estimate - first.estimate)
    assert (difference * np.asarray(first.hidden)[..., None]).max() > 1e-3


def test_reconstruction_keeps_measured_samples_and_fills_in_the_others(network):
    batch = make_batch()
    filled = np.asarray(network(batch, "filled_kspace"))
    assert filled.shape == (2, 1, SIZE, SIZE) and filled.dtype == np.complex64
    measured = batch["mask"][:, None] > 0
    np.testing.assert_array_equal(filled[measured], batch["kspace"][measured])
    assert np.abs(filled[~measured]).max() > 1e-4
    image = network(batch, "predict")
    expected = np.abs(ifft2c(filled[:, 0]))
    np.testing.assert_allclose(image[..., 0], expected, atol=1e-5 * max(1.0, expected.max()))


def test_bfloat16_does_not_round_the_prediction(random_params):
    network = started(CONFIGS["vit"] | {"dtype": "bfloat16"}, random_params)
    found = network(make_batch(), "masked_prediction")
    estimate = np.asarray(found.estimate)[np.asarray(found.hidden) > 0]
    assert np.mean(estimate == estimate.astype(jnp.bfloat16)) < 0.1


def test_fully_sampled_slice_is_unchanged(network):
    batch = make_batch()
    batch = {"mask": np.ones_like(batch["mask"]), "kspace": batch["full_kspace"]}
    image = np.abs(ifft2c(batch["kspace"][:, 0]))
    np.testing.assert_allclose(network(batch, "predict")[..., 0], image, atol=1e-5)


def test_output_has_the_size_of_any_image(network):
    assert network(make_batch((11, 21)), "predict").shape == (2, 11, 21, 1)


@pytest.mark.parametrize("encoder", ["swin", "swinrec"])
def test_position_embedding_is_one_parameter_and_fits_any_image_size(encoder):
    def shapes(config, shape=(SIZE, SIZE)):
        model, batch = build_model(config), make_batch(shape)
        init = partial(model.init_with_output, method="predict")
        image, variables = jax.eval_shape(init, jax.random.key(0), batch)
        assert image.shape == (2, *shape, 1)
        return traverse_util.flatten_dict(variables["params"], sep="/")

    without = shapes(CONFIGS[encoder])  # such as a checkpoint that has no such field
    config = CONFIGS[encoder] | {"position_embedding": True}
    tokens, width = SIZE // config["patch_size"], config["width"]
    for shape in ((SIZE, SIZE), (11, 21)):
        table = {"encoder/position/table": (1, tokens, tokens, width)}
        found = {name: leaf.shape for name, leaf in shapes(config, shape).items()}
        assert found == {name: leaf.shape for name, leaf in without.items()} | table


@pytest.mark.parametrize(("old", "new"), [(11, 16), (12, 16), (13, 15), (16, 16)])
def test_padding_keeps_zero_frequency_in_place(old, new):
    before, after = around_center(old, new)
    assert before + old + after == new and before >= 0 and after >= 0
    line = np.pad(np.fft.fftshift(np.fft.fftfreq(old)), (before, after), constant_values=1)
    assert line[new // 2] == 0


def test_untrained_network_gives_nearly_the_zero_filled_image():
    batch = make_batch()
    image = started(CONFIGS["vit"])(batch, "predict")[..., 0]
    np.testing.assert_allclose(image, np.abs(ifft2c(batch["kspace"][:, 0])), atol=0.05)


def test_sampling_masks_hide_unsampled_points(random_params):
    batch = make_batch()
    network = started(CONFIGS["vit"] | {"masks": "sampling"}, random_params)
    prediction = network(batch, "masked_prediction")
    np.testing.assert_array_equal(prediction.hidden, 1 - batch["mask"])
    target = compress(as_channels(batch["full_kspace"][:, 0]), 0.02)
    np.testing.assert_allclose(prediction.target, target, atol=1e-6)


def test_random_cells_are_a_function_of_their_random_stream(random_params):
    network, batch = started(CONFIGS["vit"], random_params), make_batch()
    hidden = [
        network(batch, "masked_prediction", masking=jax.random.key(seed)).hidden
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(hidden[0], hidden[1])
    assert (hidden[0] != hidden[2]).any()


def test_rgba_pictures_have_four_channels_and_no_phase(random_params):
    config = CONFIGS["vit"] | {"kspace_as": "rgba"}
    network, batch = started(config, random_params), make_batch()
    prediction = network(batch, "masked_prediction")
    assert prediction.target.shape == (2, SIZE, SIZE, 4)
    filled = np.asarray(network(batch, "filled_kspace"))[:, 0]
    assert np.abs(filled.imag[batch["mask"] == 0]).max() == 0
    assert np.isfinite(network(batch, "predict")).all()


def test_random_cells_are_whole_and_equally_many_in_each_image():
    draw = jax.jit(random_cells, static_argnums=(1, 2, 3, 4))
    hidden = np.asarray(draw(jax.random.key(0), 50, (16, 24), 8, 0.6))
    np.testing.assert_array_equal(hidden.sum(axis=(1, 2)), 4 * 64)  # ceil(0.6 * 6)
    np.testing.assert_array_equal(hidden, tokens_to_pixels(jnp.asarray(hidden[:, ::8, ::8]), 8))
    assert hidden.mean(axis=0).min() > 0.4 and hidden.mean(axis=0).max() < 0.95
    assert draw(jax.random.key(0), 1, (10, 9), 4, 0.5).shape == (1, 10, 9)


def test_token_is_hidden_if_no_sample_of_its_patch_was_measured():
    mask = np.zeros((1, 4, 6), np.float32)
    mask[0, 3, 2] = 1
    np.testing.assert_array_equal(unmeasured_tokens(mask, 2)[0], [[1, 1, 1], [1, 0, 1]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder": "swim"}, "did you mean 'swin'"),
        ({"masks": "patch"}, "did you mean 'patches'"),
        ({"depths": (1, 1)}, "one for a ViT"),
        ({"mask_cell": 6}, "must be a multiple of patch_size=4"),
        ({"encoder": "swinrec"}, "SwinRec works on pixels"),
        ({"position_embedding": True}, "needs encoder='swin' or 'swinrec'"),
    ],
)
def test_invalid_config_is_a_user_error(change, message):
    with pytest.raises(UserError, match=message):
        build_model(CONFIGS["vit"] | change)
