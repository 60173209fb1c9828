"""Conversion of fastMRI's U-Net, bare or in a wrapper.

Lin and Heckel's has the names `net....`, fastMRI's own Lightning module `unet....`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mript_jax.convert.tables import Shapes, Table, count, layer, parameter_shapes, read, write
from mript_jax.models import build_model

PREFIXES = ("module.", "net.", "unet.")
UNUSED = r"^loss\."  # a buffer of the Lightning module's


def from_torch(
    state_dict: Mapping[str, np.ndarray], config: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return our parameters of `config.model`, and the names that were ignored."""
    state_dict = _without_prefixes(state_dict)
    channels = state_dict["down_sample_layers.0.layers.0.weight"].shape[1]
    side = 2 ** (config["pools"] + 1)
    shapes = parameter_shapes(build_model(config), (1, side, side, channels))
    return read(state_dict, name_table(config), shapes, unused=UNUSED)


def to_torch(params: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return a state dict that fastMRI's U-Net loads."""
    return write(params, name_table(config))


def infer_config(shapes: Shapes) -> dict[str, Any]:
    """Infer `config.model` from the shapes of a public state dict."""
    shapes = _without_prefixes(shapes)
    return {
        "name": "unet",
        "features": shapes["down_sample_layers.0.layers.0.weight"][0],
        "pools": count(shapes, r"down_sample_layers\.(\d+)\."),
        "dtype": "float32",
    }


def name_table(config: Mapping[str, Any]) -> Table:
    """The destination of each tensor of the public state dict, by name without `net.`."""
    pools = config["pools"]
    table = _block("conv", "bottom")
    for level in range(pools):
        table |= _block(f"down_sample_layers.{level}", f"down_{level}")
        up = pools - 1 - level  # theirs are numbered from the deepest
        table |= layer(f"up_transpose_conv.{up}.layers.0", f"upsample_{level}", bias=False)
        last = ".0" if level == 0 else ""  # theirs is in a sequence with the output layer
        table |= _block(f"up_conv.{up}{last}", f"up_{level}")
    return table | layer(f"up_conv.{pools - 1}.1", "out")


def _block(theirs: str, ours: str) -> Table:
    first, second = (
        layer(f"{theirs}.layers.{place}", f"{ours}/conv_{i}", bias=False)
        for i, place in enumerate((0, 4))
    )
    return first | second


def _without_prefixes(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    def bare(name: str) -> str:
        for prefix in PREFIXES:
            name = name.removeprefix(prefix)
        return name

    return {bare(name): value for name, value in state_dict.items()}
