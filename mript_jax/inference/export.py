"""A model as one file: StableHLO with its weights, run by JAX alone, without this package's models.

The artifact is a zip of `model.stablehlo` and `artifact.json` (config, shapes, checksum). A batch
goes in and its images come out. `artifact.json` lists the fields of the batch with their shapes:
mask, zero-filled image, the task and what else the model reads, as mript_jax/batch.py describes.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from jax import export as jax_export

from mript_jax.batch import empty_example, read_field
from mript_jax.checkpoint import load_checkpoint_config, load_params
from mript_jax.errors import UserError
from mript_jax.models import build_model
from mript_jax.sizes import height_width
from mript_jax.zip_files import refuse_bomb

PLATFORMS = ("cpu", "cuda", "tpu")
UNKNOWN = ("target", "scale", "weight")  # fields that a batch to be reconstructed does not have


def export_model(checkpoint: str | Path, output: str | Path) -> Path:
    """Writes the model of a checkpoint for any batch size at its own image size."""
    config, params = load_checkpoint_config(checkpoint), load_params(checkpoint)
    model = build_model(config.model)
    shape = height_width(config.data.image_size)
    (batch,) = jax_export.symbolic_shape("b")
    inputs = {
        name: jax.ShapeDtypeStruct((batch, *value.shape), value.dtype)
        for name, value in empty_example(shape, model.batch_fields()).items()
        if name not in UNKNOWN
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
            refuse_bomb(archive)
            program = archive.read("model.stablehlo")
            about = json.loads(archive.read("artifact.json"))
        names, checksum = tuple(map(str, about["inputs"])), about["sha256"]
    except FileNotFoundError:
        raise
    except Exception as error:  # of a damaged zip file or description: all kinds
        raise UserError(f"{path} is not an exported model: {error}") from error
    if hashlib.sha256(program).hexdigest() != checksum:
        raise UserError(f"{path} is damaged: its checksum does not agree")
    try:
        exported = jax_export.deserialize(bytearray(program))
    except Exception as error:  # of another format or version
        raise UserError(f"{path} holds no program that this JAX reads: {error}") from error
    return lambda batch: np.asarray(
        exported.call({name: read_field(batch, name) for name in names})
    )
