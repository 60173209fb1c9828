"""fastMRI's U-Net weights, alone or in Lin and Heckel's wrapper (names that start with `net.`)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mript_jax.convert.tables import Shapes, Table, count, layer, parameter_shapes, read, write
from mript_jax.models import build_model


def from_torch(
    state_dict: Mapping[str, np.ndarray], config: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Our parameters of `config.model` from a public state dict, and the names it ignored."""
    state_dict = _alone(state_dict)
    channels = state_dict["down_sample_layers.0.layers.0.weight"].shape[1]
    side = 2 ** (config["pools"] + 1)
    shapes = parameter_shapes(build_model(config), (1, side, side, channels))
    return read(state_dict, name_table(config), shapes, unused="^$")


def to_torch(params: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """A state dict that the wrapped public U-Net loads."""
    return {f"net.{name}": value for name, value in write(params, name_table(config)).items()}


def infer_config(shapes: Shapes) -> dict[str, Any]:
    """`config.model` of a public state dict."""
    shapes = _alone(shapes)
    return {
        "name": "unet",
        "features": shapes["down_sample_layers.0.layers.0.weight"][0],
        "pools": count(shapes, r"down_sample_layers\.(\d+)\."),
        "dtype": "float32",
    }


def name_table(config: Mapping[str, Any]) -> Table:
    """Where each tensor of the public state dict belongs, by its name without `net.`."""
    pools = config["pools"]
    table = _block("conv", "bottom")
    for level in range(pools):
        table |= _block(f"down_sample_layers.{level}", f"down_{level}")
        up = pools - 1 - level  # there, the deepest comes first
        table |= layer(f"up_transpose_conv.{up}.layers.0", f"upsample_{level}", bias=False)
        last = ".0" if level == 0 else ""  # the last one is in a sequence with the output layer
        table |= _block(f"up_conv.{up}{last}", f"up_{level}")
    return table | layer(f"up_conv.{pools - 1}.1", "out")


def _block(theirs: str, ours: str) -> Table:
    first, second = (
        layer(f"{theirs}.layers.{place}", f"{ours}/conv_{i}", bias=False)
        for i, place in enumerate((0, 4))
    )
    return first | second


def _alone(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.removeprefix("module.").removeprefix("net."): value
        for name, value in state_dict.items()
    }
