"""SimMIM with Swin and ViT, and SwinRec, against the public codes.

The golden files were made with PyTorch in float32; its own rounding is at most 3e-6.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.convert import simmim
from mript_jax.models import build_model
from mript_jax.models.masking import tokens_to_pixels
from tests.parity import Golden, assert_close, assert_gradients, intermediates

FILES = {"simmim_swin": "swin", "simmim_vit": "vit", "mimmri_swinrec": "swinrec"}


def read(stored, encoder):
    case = Golden(stored)
    theirs = case.config
    several = encoder != "vit"
    case.config = {
        "name": "simmim",
        "encoder": encoder,
        "image_size": theirs["img_size"],
        "patch_size": theirs["patch_size"],
        "width": theirs["embed_dim"],
        "depths": tuple(theirs["depths"]) if several else (theirs["depth"],),
        "heads": tuple(theirs["num_heads"]) if several else (theirs["num_heads"],),
        "window": theirs["window_size"] if several else 0,
        "mlp_ratio": theirs.get("mlp_ratio", 4.0),
        "mask_cell": 8,
        "mask_ratio": 0.6,
        "dtype": "float32",
    }
    case.model = build_model(case.config)
    case.params, case.ignored = simmim.from_torch(case.state_dict, case.config)
    if encoder == "swinrec":  # the public network hides nothing
        case.hidden = np.zeros((2, 16, 16), np.float32)
    else:
        case.hidden = np.asarray(case["in/mask"], np.float32)
    return case


@pytest.fixture(params=["simmim_swin", "simmim_vit"])
def masked(request, golden):
    return read(golden(request.param), FILES[request.param])


@pytest.fixture
def swinrec(golden):
    return read(golden("mimmri_swinrec"), "swinrec")


def test_the_masked_networks_and_their_stages_are_the_public_codes(masked):
    seen = intermediates(masked.model, masked.params, masked["in/x"], masked.hidden)
    assert_close(seen["__call__"], masked["out/reconstruction"], 1e-5)
    assert_close(seen["encoder"], masked["out/encoder"], 1e-5)
    if masked.config["encoder"] == "swin":
        places = {"patch_embed": "patch_norm", "stage_0": "merge_0", "stage_1": "stage_1"}
    else:
        places = {"patch_embed": "patch_embed"} | {f"block_{i}": f"block_{i}" for i in range(3)}
    visible = 1 - masked.hidden[:1].reshape(1, -1, 1)
    for theirs, ours in places.items():
        expected = masked[f"out/{theirs}"]  # stored for the first sample
        actual = seen[f"encoder/{ours}"][:1].reshape(expected.shape)
        if theirs == "patch_embed":  # ours never sees what is hidden
            actual, expected = actual * visible, expected * visible
        assert_close(actual, expected, 1e-5)


def test_the_masked_loss_and_its_gradients_are_the_public_codes(masked):
    hidden = tokens_to_pixels(masked.hidden, masked.config["patch_size"])

    @jax.jit
    @jax.value_and_grad
    def loss(params):
        estimate = masked.model.apply({"params": params}, masked["in/x"], masked.hidden)
        error = jnp.abs(estimate - masked["in/x"]) * hidden[..., None]
        return error.sum() / (hidden.sum() + 1e-5) / error.shape[-1]

    value, gradient = loss(masked.params)
    np.testing.assert_allclose(value, masked["out/loss"], rtol=1e-5)
    expected = simmim.split(masked.group("grad"))
    assert_gradients(gradient, expected, simmim.name_table(masked.config))


def test_gradients_of_another_loss_are_the_public_codes(masked):
    @jax.jit
    @jax.value_and_grad
    def loss(params):
        estimate = masked.model.apply({"params": params}, masked["in/x"], masked.hidden)
        return jnp.abs(estimate - masked["in/target"]).mean()

    value, gradient = loss(masked.params)
    np.testing.assert_allclose(value, masked["out/l1_to_target"], rtol=1e-5)
    expected = simmim.split(masked.group("grad_l1_to_target"))
    assert_gradients(gradient, expected, simmim.name_table(masked.config))


def test_swinrec_and_its_groups_are_the_public_codes(swinrec):
    seen = intermediates(swinrec.model, swinrec.params, swinrec["in/x"], swinrec.hidden)
    assert_close(seen["__call__"], swinrec["out/y"], 1e-5)
    for theirs, ours in (("conv_first", "conv_first"), ("conv_after_body", "conv_last")):
        assert_close(seen[f"encoder/{ours}"][:1], swinrec[f"out/{theirs}"], 1e-5)


def test_swinrecs_loss_and_gradients_are_the_public_codes(swinrec):
    @jax.jit
    @jax.value_and_grad
    def loss(params):
        estimate = swinrec.model.apply({"params": params}, swinrec["in/x"], swinrec.hidden)
        return jnp.abs(estimate - swinrec["in/target"]).mean()

    value, gradient = loss(swinrec.params)
    np.testing.assert_allclose(value, swinrec["out/loss"], rtol=1e-5)
    assert_gradients(gradient, swinrec.group("grad"), simmim.name_table(swinrec.config))


@pytest.mark.parametrize("name", FILES)
def test_there_and_back_are_the_same_weights(name, golden):
    case = read(golden(name), FILES[name])
    back = simmim.to_torch(case.params, case.config)
    assert set(back) == set(case.state_dict) - set(case.ignored)
    for key, value in back.items():
        np.testing.assert_array_equal(value, case.state_dict[key], key)
    computed = ("relative_position_index", "attn_mask")
    doubled = ("conv_before_upsample.", "upsample.", "conv_last2.")
    assert all(key.endswith(computed) or key.startswith(doubled) for key in case.ignored)
