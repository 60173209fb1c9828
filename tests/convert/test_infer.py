"""Configs of the other models, inferred from names and shapes of their public codes."""

import numpy as np
import pytest

from mript_jax.convert import from_torch, infer_config, to_torch
from mript_jax.errors import UserError
from tests.parity import Golden

CHECKED = (
    ("reconnet_vit_gpsa", {"depth": "depth", "heads": "num_heads", "image_size": "avrg_img_size"}),
    ("reconnet_unet", {"features": "chans", "pools": "num_pool_layers"}),
    ("simmim_swin", {"depths": "depths", "heads": "num_heads", "window": "window_size"}),
    ("simmim_swin", {"position_embedding": "ape"}),
    ("simmim_vit", {"image_size": "img_size", "patch_size": "patch_size", "width": "embed_dim"}),
    ("mimmri_swinrec", {"depths": "depths", "image_size": "img_size", "window": "window_size"}),
    ("simmim_swin_ape", {"position_embedding": "ape", "image_size": "img_size"}),
    ("mimmri_swinrec_ape", {"position_embedding": "ape", "image_size": "img_size"}),
)


def plain(value):
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize(("name", "fields"), CHECKED)
def test_config_is_that_of_the_public_network_and_weights_convert_both_ways(name, fields, golden):
    case = Golden(golden(name))
    config = infer_config(case.state_dict)
    for ours, theirs in fields.items():
        assert plain(config[ours]) == case.config[theirs], ours
    params, ignored = from_torch(case.state_dict, config)
    back = to_torch(params, config)
    wrapper = "net." if name == "reconnet_unet" else ""  # ours is written without it
    back = {wrapper + tensor: value for tensor, value in back.items()}
    assert set(back) == set(case.state_dict) - set(ignored)
    for tensor, value in back.items():
        np.testing.assert_array_equal(value, case.state_dict[tensor])


def test_image_size_without_shifted_windows_is_that_of_the_position_embedding(golden):
    state_dict = Golden(golden("simmim_swin_ape")).state_dict
    unshifted = {name: v for name, v in state_dict.items() if not name.endswith("attn_mask")}
    assert infer_config(unshifted)["image_size"] == 32


def test_position_embedding_of_another_size_is_a_user_error_with_both_shapes(golden):
    state_dict = Golden(golden("simmim_swin_ape")).state_dict
    config = infer_config(state_dict) | {"image_size": 48}
    with pytest.raises(UserError, match=r"pos_embed is \(1, 256, 16\), .* \(1, 24, 24, 16"):
        from_torch(state_dict, config)


def test_number_of_heads_that_shapes_leave_open_is_a_user_error(golden):
    plain_attention = Golden(golden("reconnet_vit")).state_dict
    with pytest.raises(UserError, match=r"how many heads .*--config"):
        infer_config(plain_attention)


def test_network_for_photographs_is_a_user_error():
    photographs = {"encoder.patch_embed.proj.weight": np.zeros((8, 3, 4, 4))}
    with pytest.raises(UserError, match="3 channels"):
        infer_config(photographs)


def test_missing_tensor_is_a_user_error_with_its_name():
    with pytest.raises(UserError, match=r"lacks net\.pos_embed"):
        infer_config({"net.patch_embed.proj.weight": np.zeros((8, 1, 4, 4))})


@pytest.mark.parametrize("name", ["encoder.patch_embed.proj.weight", "conv_first.weight"])
def test_incomplete_state_dict_is_a_user_error(name):
    with pytest.raises(UserError, match="begins like one of simmim"):
        infer_config({name: np.zeros((8, 4, 1, 1))})
