"""MR-IPT against the public code: its stored outputs for random weights, in the three modes.

The files of tests/golden were made with PyTorch in float32; its own rounding is at most 3e-6.
"""

import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from mript_jax.convert import from_torch
from mript_jax.convert.mript import to_ours
from mript_jax.convert.names import name_table
from mript_jax.models import build_model

GOLDEN = Path(__file__).parents[1] / "golden"
# A head of a type or of a level is chosen as one of both: two of them are in the slow tier.
FILES = (
    pytest.param("mript_type", marks=pytest.mark.slow),
    pytest.param("mript_level", marks=pytest.mark.slow),
    "mript_combine",
)
FIELDS = {
    "image_size": "image_size",
    "patch_size": "patch_size",
    "features": "in_feat",
    "width": "encoder_embed_dim",
    "depth": "encoder_depth",
    "heads": "encoder_num_heads",
    "mlp_ratio": "mlp_ratio",
    "window": "window_size",
    "global_blocks": "global_attn_indexes",
    "decoder_depth": "decoder_depth",
    "decoder_heads": "decoder_num_heads",
    "decoder_mlp": "decoder_mlp_dim",
    "decoder_downsample": "attention_downsample_rate",
    "num_patterns": "num_types",
    "num_levels": "num_levels",
}


class Case:
    """One golden file: our config, our parameters, inputs and expected outputs."""

    def __init__(self, stored):
        self.stored = stored
        theirs = json.loads(str(stored["config"]))
        mode = "split" if theirs["mode"] == "combine" else theirs["mode"]
        self.config = {ours: theirs[name] for ours, name in FIELDS.items()}
        self.config |= {"name": "mript", "mode": mode, "dtype": "float32"}
        self.state_dict = self.group("param")
        self.params, self.ignored = from_torch(self.state_dict, self.config)
        self.inputs = (channels_last(stored["in/x"]), stored["in/types"], stored["in/levels"])
        self.model = build_model(self.config)
        apply = partial(self.model.apply, capture_intermediates=True, mutable=["intermediates"])
        target = channels_last(stored["in/target"])

        def loss(params, *inputs):
            output, state = apply({"params": params}, *inputs)
            return jnp.abs(output - target).mean(), (output, state["intermediates"])

        self.forward = jax.jit(self.model.apply)
        self.compiled = jax.jit(jax.value_and_grad(loss, has_aux=True))  # once for all tests

    def group(self, prefix):
        names = [n for n in self.stored.files if n.startswith(f"{prefix}/")]
        return {n.removeprefix(f"{prefix}/"): self.stored[n] for n in names}

    def apply(self, *inputs):
        """The output, and that of each submodule by name."""
        (_, (output, intermediates)), _ = self.compiled(self.params, *inputs)
        return output, traverse_util.flatten_dict(intermediates, sep="/")


def channels_last(x):
    return np.moveaxis(x, 1, -1)


@pytest.fixture(params=FILES, scope="module")
def case(request):
    return Case(np.load(GOLDEN / f"{request.param}.npz"))


def assert_close(actual, expected, relative=1e-4):
    assert np.shape(actual) == expected.shape
    difference = np.abs(np.asarray(actual) - expected).max()
    assert difference <= relative * np.abs(expected).max(), difference


def test_output_matches_the_public_code(case):
    output, _ = case.apply(*case.inputs)
    assert_close(output, channels_last(case.stored["out/y"]), 1e-5)


def test_intermediates_match_the_public_code(case):
    _, outputs = case.apply(*case.inputs)
    last_layer = f"decoder/layer_{case.config['decoder_depth'] - 1}/__call__"
    h = w = case.config["image_size"] // case.config["patch_size"]
    ours = {
        "head_out": outputs["head/__call__"][0],
        "patch_embed": outputs["encoder/patch_embed/__call__"][0],
        "image_embeddings": outputs["encoder/__call__"][0],
        "sparse_embeddings": outputs["prompt/__call__"][0][1],
        "dense_pe": outputs["decoder/grid_encoding/__call__"][0].reshape(1, h, w, -1),
        "decoder_keys": outputs[last_layer][0][1],
        "image_decodings": outputs["decoder/__call__"][0],
    }
    for i in range(case.config["depth"]):  # the pattern is two blocks long: windowed, global
        repeated = outputs[f"encoder/groups/block_{i % 2}/__call__"][0]
        ours[f"encoder_block_{i}"] = repeated[i // 2]
    stored = case.group("out")
    # The stored queries went through the final attention, which never reaches the output.
    for name in set(stored) - {"y", "loss", "decoder_queries"}:
        expected = stored[name]
        if name in ("head_out", "image_embeddings", "image_decodings", "dense_pe"):
            expected = channels_last(expected)
        assert_close(ours[name][: len(expected)], expected)  # stored for the first samples


def test_loss_and_gradients_match_the_public_code(case):
    (value, _), gradient = case.compiled(case.params, *case.inputs)
    np.testing.assert_allclose(value, case.stored["out/loss"], rtol=1e-5)
    gradient = traverse_util.flatten_dict(gradient, sep="/")
    places, expected = name_table(case.config), case.group("grad")
    assert expected
    for name, theirs in expected.items():
        ours = gradient[places[name].name]
        ours = ours if places[name].row is None else ours[places[name].row]
        theirs = to_ours(theirs, places[name])
        assert_close(ours, theirs.reshape(ours.shape), 1e-3)


def test_ignored_tensors_are_those_without_effect_on_the_output(case):
    unused = ("final_attn_token_to_image", "norm_final_attn", "output_hypernetworks_mlp")
    assert case.ignored
    assert all(any(u in name for u in unused) for name in case.ignored)


def test_samples_are_independent(case):
    order = np.array([3, 0, 5, 1, 4, 2])
    mixed, _ = case.apply(*(part[order] for part in case.inputs))
    assert_close(mixed, channels_last(case.stored["out/y"])[order], 1e-5)


def test_tables_are_resized_to_another_image_size_as_in_the_public_code(golden):
    """Weights for 48 x 48 applied to 40 x 56.

    The public code ran with its absolute table resized by torch's bilinear interpolation
    (align_corners=False); it resizes the relative ones itself.
    """
    case, resized = Case(golden("mript_type")), golden("mript_resized")
    inputs = channels_last(resized["in/x"]), resized["in/types"], resized["in/levels"]
    output = case.forward({"params": case.params}, *inputs)
    assert_close(output, channels_last(resized["out/y"]), 1e-5)
