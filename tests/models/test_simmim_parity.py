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
FILES |= {"simmim_swin_ape": "swin", "mimmri_swinrec_ape": "swinrec"}


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
        "window": theirs["window_size"] if several else 1,
        "mlp_ratio": theirs.get("mlp_ratio", 4.0),
        "mask_cell": 8,
        "mask_ratio": 0.6,
        "position_embedding": theirs.get("ape", False),
        "dtype": "float32",
    }
    case.model = build_model(case.config)
    case.params, case.ignored = simmim.from_torch(case.state_dict, case.config)
    if encoder == "swinrec":  # the public network hides nothing
        case.hidden = np.zeros((2, 16, 16), np.float32)
    else:
        case.hidden = np.asarray(case["in/mask"], np.float32)
    return case


def masked_l1(case):
    """The compiled loss over hidden pixels and its gradient."""
    hidden = tokens_to_pixels(case.hidden, case.config["patch_size"])

    def loss(params):
        estimate = case.model.apply({"params": params}, case["in/x"], case.hidden)
        error = jnp.abs(estimate - case["in/x"]) * hidden[..., None]
        return error.sum() / (hidden.sum() + 1e-5) / error.shape[-1]

    return jax.jit(jax.value_and_grad(loss))


def l1(case):
    """The compiled distance to the target and its gradient."""

    def loss(params):
        estimate = case.model.apply({"params": params}, case["in/x"], case.hidden)
        return jnp.abs(estimate - case["in/target"]).mean()

    return jax.jit(jax.value_and_grad(loss))


@pytest.fixture(params=["simmim_swin", "simmim_vit"])
def masked(request, golden):
    return read(golden(request.param), FILES[request.param])


@pytest.fixture
def swinrec(golden):
    return read(golden("mimmri_swinrec"), "swinrec")


def test_masked_networks_and_their_stages_match_the_public_code(masked):
    outputs = intermediates(masked.model, masked.params, masked["in/x"], masked.hidden)
    assert_close(outputs["__call__"], masked["out/reconstruction"], 1e-5)
    assert_close(outputs["encoder"], masked["out/encoder"], 1e-5)
    if masked.config["encoder"] == "swin":
        places = {"patch_embed": "patch_norm", "stage_0": "merge_0", "stage_1": "stage_1"}
    else:
        places = {"patch_embed": "patch_embed"} | {f"block_{i}": f"block_{i}" for i in range(3)}
    visible = 1 - masked.hidden[:1].reshape(1, -1, 1)
    for theirs, ours in places.items():
        expected = masked[f"out/{theirs}"]  # stored for the first sample
        actual = outputs[f"encoder/{ours}"][:1].reshape(expected.shape)
        if theirs == "patch_embed":  # in ours hidden pixels are zero
            actual, expected = actual * visible, expected * visible
        assert_close(actual, expected, 1e-5)


def test_masked_loss_and_gradients_match_the_public_code(masked):
    value, gradient = masked_l1(masked)(masked.params)
    np.testing.assert_allclose(value, masked["out/loss"], rtol=1e-5)
    expected = simmim.split(masked.group("grad"))
    assert_gradients(gradient, expected, simmim.name_table(masked.config))


@pytest.mark.slow
def test_gradients_of_an_unmasked_loss_match_the_public_code(masked):
    value, gradient = l1(masked)(masked.params)
    np.testing.assert_allclose(value, masked["out/l1_to_target"], rtol=1e-5)
    expected = simmim.split(masked.group("grad_l1_to_target"))
    assert_gradients(gradient, expected, simmim.name_table(masked.config))


def test_swinrec_and_its_groups_match_the_public_code(swinrec):
    outputs = intermediates(swinrec.model, swinrec.params, swinrec["in/x"], swinrec.hidden)
    assert_close(outputs["__call__"], swinrec["out/y"], 1e-5)
    for theirs, ours in (("conv_first", "conv_first"), ("conv_after_body", "conv_last")):
        assert_close(outputs[f"encoder/{ours}"][:1], swinrec[f"out/{theirs}"], 1e-5)


def test_loss_and_gradients_of_swinrec_match_the_public_code(swinrec):
    value, gradient = l1(swinrec)(swinrec.params)
    np.testing.assert_allclose(value, swinrec["out/loss"], rtol=1e-5)
    assert_gradients(gradient, swinrec.group("grad"), simmim.name_table(swinrec.config))


def test_swin_with_position_embedding_matches_the_public_code(golden):
    case = read(golden("simmim_swin_ape"), "swin")
    outputs = intermediates(case.model, case.params, case["in/x"], case.hidden)
    assert_close(outputs["__call__"], case["out/reconstruction"], 1e-5)
    assert_close(outputs["encoder"], case["out/encoder"], 1e-5)


@pytest.mark.slow
def test_gradients_of_swin_with_position_embedding_match_the_public_code(golden):
    case = read(golden("simmim_swin_ape"), "swin")
    value, gradient = masked_l1(case)(case.params)
    np.testing.assert_allclose(value, case["out/loss"], rtol=1e-5)
    assert_gradients(gradient, case.group("grad"), simmim.name_table(case.config))


def test_swinrec_with_position_embedding_matches_the_public_code(golden):
    case = read(golden("mimmri_swinrec_ape"), "swinrec")
    apply = jax.jit(case.model.apply)
    assert_close(apply({"params": case.params}, case["in/x"], case.hidden), case["out/y"], 1e-5)


@pytest.mark.slow
def test_gradients_of_swinrec_with_position_embedding_match_the_public_code(golden):
    case = read(golden("mimmri_swinrec_ape"), "swinrec")
    value, gradient = l1(case)(case.params)
    np.testing.assert_allclose(value, case["out/loss"], rtol=1e-5)
    assert_gradients(gradient, case.group("grad"), simmim.name_table(case.config))


@pytest.mark.parametrize(
    "name",
    [
        *("simmim_vit", "mimmri_swinrec_ape"),
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("simmim_swin", "mimmri_swinrec", "simmim_swin_ape")
        ),
    ],
)
def test_weights_survive_conversion_in_both_directions(name, golden):
    case = read(golden(name), FILES[name])
    back = simmim.to_torch(case.params, case.config)
    assert set(back) == set(case.state_dict) - set(case.ignored)
    for key, value in back.items():
        np.testing.assert_array_equal(value, case.state_dict[key], key)
    computed = ("relative_position_index", "attn_mask")
    doubled = ("conv_before_upsample.", "upsample.", "conv_last2.")
    assert all(key.endswith(computed) or key.startswith(doubled) for key in case.ignored)
