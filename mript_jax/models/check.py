"""What the fields of every model can be, told before anything is computed."""

from collections.abc import Mapping
from typing import Any

from mript_jax.errors import UserError, unknown_name_error

DTYPES = ("bfloat16", "float16", "float32")
COUNTS = {  # fields that are 1 or more, or tuples of such
    *("image_size", "patch_size", "width", "depth", "depths", "heads", "features"),
    *("decoder_depth", "decoder_heads", "decoder_mlp", "decoder_downsample"),
    *("num_patterns", "num_levels", "mask_cell", "pools"),
}


def check_fields(values: Mapping[str, Any]) -> None:
    """Refuses values of `config.model` that no model can have."""
    for name in COUNTS & set(values):
        value = values[name]
        if not all(isinstance(n, int) and n >= 1 for n in _each(value)):
            raise UserError(f"config.model.{name}={value} must be 1 or more")
    if values["dtype"] not in DTYPES:
        raise unknown_name_error("config.model.dtype", values["dtype"], DTYPES)
    heads, width = values.get("heads"), values.get("width")
    if isinstance(heads, int) and width % heads:
        raise UserError(
            f"config.model.width={width} cannot be shared by config.model.heads={heads}; "
            f"use a multiple of {heads}"
        )
    if values.get("iterations", 0) < 0:
        raise UserError(f"config.model.iterations={values['iterations']} must be 0 or more")


def _each(value: Any) -> tuple:
    return value if isinstance(value, tuple) else (value,)
