"""A model as one file: StableHLO with its weights, run by JAX alone, without this package's models.

The artifact is a zip of `model.stablehlo` and `artifact.json` (config, shapes, checksum). A batch
goes in, as `predict` takes it below, and its images come out.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from jax import export as jax_export

from mript_jax.checkpoint import load_checkpoint_config, load_params
from mript_jax.errors import UserError
from mript_jax.models import build_model
from mript_jax.sizes import height_width

PLATFORMS = ("cpu", "cuda", "tpu")


def export_model(checkpoint: str | Path, output: str | Path) -> Path:
    """Writes the model of a checkpoint for any batch size at its own image size."""
    config, params = load_checkpoint_config(checkpoint), load_params(checkpoint)
    model = build_model(config.model)
    shape = height_width(config.data.image_size)
    (batch,) = jax_export.symbolic_shape("b")
    inputs = {
        "zero_filled": jax.ShapeDtypeStruct((batch, *shape, 1), np.float32),
        "kspace": jax.ShapeDtypeStruct((batch, *shape, 2), np.float32),
        "mask": jax.ShapeDtypeStruct((batch, *shape), np.float32),
        "pattern_index": jax.ShapeDtypeStruct((batch,), np.int32),
        "level_index": jax.ShapeDtypeStruct((batch,), np.int32),
        "acceleration": jax.ShapeDtypeStruct((batch,), np.float32),
        "center_fraction": jax.ShapeDtypeStruct((batch,), np.float32),
    }

    def predict(batch):
        return model.apply({"params": params}, batch, method="predict")

    program = bytes(jax_export.export(jax.jit(predict), platforms=PLATFORMS)(inputs).serialize())
    about = {
        "config": json.loads(config.to_json_best_effort()),
        "inputs": {name: [list(map(str, s.shape)), str(s.dtype)] for name, s in inputs.items()},
        "platforms": PLATFORMS,
        "sha256": hashlib.sha256(program).hexdigest(),
    }
    path = Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.stablehlo", program)
        archive.writestr("artifact.json", json.dumps(about, indent=1))
    return path


def load_exported(path: str | Path) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
    """The exported model as a function of a batch (its `artifact.json` names the fields)."""
    try:
        with zipfile.ZipFile(path) as archive:
            program = archive.read("model.stablehlo")
            about = json.loads(archive.read("artifact.json"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is not an exported model: {error}") from error
    if hashlib.sha256(program).hexdigest() != about["sha256"]:
        raise UserError(f"{path} is damaged: its checksum does not agree")
    exported = jax_export.deserialize(bytearray(program))
    names = tuple(about["inputs"])
    return lambda batch: np.asarray(exported.call({name: batch[name] for name in names}))
