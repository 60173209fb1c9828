"""Initialization of MR-IPT's encoder from a masked ViT."""

import jax
import numpy as np
import pytest

from mript_jax.batch import empty_example, stack
from mript_jax.convert.masked_encoder import from_masked
from mript_jax.errors import UserError
from mript_jax.models import build_model

MRIPT = {"name": "mript", "mode": "type", "image_size": 16, "patch_size": 4, "features": 4}
MRIPT |= {"width": 8, "depth": 4, "heads": 2, "mlp_ratio": 2.0, "window": 2, "dtype": "float32"}
MRIPT |= {"global_blocks": (1, 3), "decoder_depth": 1, "decoder_heads": 2, "decoder_mlp": 8}
MRIPT |= {"decoder_downsample": 1, "num_patterns": 2, "num_levels": 3}
MASKED = {"name": "simmim", "encoder": "vit", "image_size": 16, "patch_size": 4, "width": 8}
MASKED |= {"depths": (4,), "heads": (2,), "window": 4, "mlp_ratio": 2.0, "mask_cell": 4}
MASKED |= {"mask_ratio": 0.6, "dtype": "float32"}


@pytest.fixture(scope="module")
def masked(random_params):
    model, batch = build_model(MASKED), stack([empty_example((16, 16), ("kspace",))])
    key = jax.random.key(0)
    return random_params(jax.eval_shape(lambda: model.init(key, batch, method="predict")["params"]))


def test_blocks_are_copied_in_order_with_layer_scale_multiplied_in(masked):
    params, fresh = from_masked(masked, MASKED, MRIPT)
    for i in range(4):
        theirs = masked["encoder"][f"block_{i}"]
        ours = params["encoder"]["groups"][f"block_{i % 2}"]
        qkv = ours["attention"]["qkv"]["kernel"][i // 2]
        np.testing.assert_array_equal(qkv, theirs["attention"]["qkv"]["kernel"])
        out = ours["mlp"]["dense_out"]["kernel"][i // 2]
        scaled = theirs["mlp"]["dense_out"]["kernel"] * theirs["scale_mlp"][None]
        np.testing.assert_allclose(out, scaled, rtol=1e-6)
    assert "encoder/patch_embed/proj/kernel" in fresh
    assert not any("/mlp/" in name for name in fresh if name.startswith("encoder/"))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"depth": 2, "global_blocks": (1,)}, "depth=2"), ({"mlp_ratio": 4.0}, "does not fit")],
)
def test_encoder_of_another_size_is_a_user_error(masked, change, message):
    with pytest.raises(UserError, match=message):
        from_masked(masked, MASKED, MRIPT | change)
