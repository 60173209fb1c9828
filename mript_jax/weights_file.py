"""A model in one file: its weights in half precision and its config, as safetensors.

Nothing in such a file is run when it is read. Names are the parameters'; the header holds the
config and the step of the training.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mript_jax.errors import UserError

SUFFIX = ".safetensors"
HEADER = "mript_jax"  # the key of what is not a tensor


def write_weights(path: str | Path, params: Mapping[str, Any], config: str, step: int) -> None:
    """Writes parameters, and a config in JSON, to a file."""
    values = flatten_dict(jax.tree.map(np.asarray, dict(params)), sep="/")
    tensors = {name: np.ascontiguousarray(value, np.float16) for name, value in values.items()}
    header = json.dumps({"config": json.loads(config), "step": step})
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {HEADER: header})


def read_weights(path: str | Path) -> dict[str, Any]:
    """The parameters of a file, as nested dicts of float32 arrays."""
    with _opened(path) as file:
        _header(path, file)
        try:
            names = list(file.keys())
            values = {name: np.asarray(file.get_tensor(name), np.float32) for name in names}
            params = unflatten_dict(values, sep="/")
        except (SafetensorError, ValueError, TypeError, LookupError) as error:
            raise UserError(f"{path} holds no weights of a model: {error}") from error
    refuse_nonfinite(path, params)
    return params


def refuse_nonfinite(path: str | Path, params: Mapping[str, Any]) -> None:
    """Raise a UserError for parameters, read from `path`, that hold NaN or infinity."""
    for name, value in flatten_dict(params, sep="/").items():
        if not np.isfinite(value).all():
            raise UserError(f"{path}: the weights {name} are not finite numbers")


def read_header(path: str | Path) -> dict[str, Any]:
    """The header of a file: `config`, in JSON, and `step`."""
    with _opened(path) as file:
        return _header(path, file)


def _opened(path: str | Path) -> Any:
    try:
        return safe_open(str(path), framework="numpy")
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} cannot be read as weights: {error}") from error


def _header(path: str | Path, file: Any) -> dict[str, Any]:
    try:
        header = json.loads((file.metadata() or {})[HEADER])
        return {"config": json.dumps(header["config"]), "step": int(header["step"])}
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path} holds no config of this package; weights of other codes are read by "
            "`mript convert`"
        ) from error
