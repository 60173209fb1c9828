"""A model as one file: StableHLO and weights, run by JAX alone, without this package's models.

The artifact is a zip of `weights.safetensors`, a program for each platform, such as
`cpu.stablehlo`, and `artifact.json` (config, shapes, checksums). A batch goes in and its images
come out. `artifact.json` lists the fields of the batch with their shapes: mask, zero-filled image,
the task and what else the model reads, as mript_jax/batch.py describes. The number of coils is
fixed; coils of zeros fill up a scan of fewer.

With several coils `sensitivities` are among the fields, unless the model refines its own maps.
`load_exported` estimates them for a batch without, as `Reconstruction` does; who runs a program
by JAX alone has to give them.
"""

import hashlib
import json
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import safetensors.numpy
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import export as jax_export

from mript_jax.batch import Batch, empty_example, read_field
from mript_jax.checkpoint import load_checkpoint_config, load_params
from mript_jax.data.pipeline import evaluation_maker
from mript_jax.errors import UserError
from mript_jax.inference.coil_maps import estimated_maps
from mript_jax.models import build_model
from mript_jax.physics.coils import estimate_sensitivities, fitted_maps
from mript_jax.sizes import height_width
from mript_jax.target import Target, traced_for
from mript_jax.zip_files import refuse_bomb

log = logging.getLogger(__name__)

PLATFORMS = {  # JAX's name in an export -> what the program is traced for; any GPU will do
    "cpu": Target("cpu", 1),
    "cuda": Target("gpu", 1),
    "tpu": Target("tpu", 1),
}
UNKNOWN = ("target", "scale", "weight")  # fields that a batch to be reconstructed does not have
MAPS = "sensitivities"
WEIGHTS = "weights.safetensors"
SEPARATOR = "/"


def export_model(checkpoint: str | Path, output: str | Path, coils: int | None = None) -> Path:
    """Writes the model of a checkpoint for any batch size at its own image size.

    `coils` is the number of coils of its k-space; by default that of its evaluations.
    """
    config, params = load_checkpoint_config(checkpoint), load_params(checkpoint)
    model = build_model(config.model)
    fields = model.batch_fields()
    if coils is None:
        coils = evaluation_maker(config.data, fields).coils
    elif coils > 1 and not (model.multi_coil and "kspace" in fields):
        raise UserError(f"--coils={coils}: {checkpoint} does not read k-space of several coils")
    if coils > 1 and model.takes_sensitivities():
        fields = (*fields, MAPS)
    shape = height_width(config.data.image_size)
    (batch,) = jax_export.symbolic_shape("b")
    inputs = {
        name: jax.ShapeDtypeStruct((batch, *value.shape), value.dtype)
        for name, value in empty_example(shape, fields, coils).items()
        if name not in UNKNOWN
    }
    flat = flatten_dict(params, sep=SEPARATOR)
    weights = {name: jax.ShapeDtypeStruct(value.shape, value.dtype) for name, value in flat.items()}

    def predict(weights: dict[str, jax.Array], batch: Batch) -> jax.Array:
        variables = {"params": unflatten_dict(weights, sep=SEPARATOR)}
        images: Any = model.apply(variables, batch, method="predict")
        return images

    parts = {WEIGHTS: safetensors.numpy.save(flat)}
    for platform, target in PLATFORMS.items():
        with traced_for(target), jax.default_matmul_precision(config.matmul_precision):
            program = jax_export.export(jax.jit(predict), platforms=[platform])(weights, inputs)
        parts[_program(platform)] = bytes(program.serialize())
    about = {
        "config": json.loads(config.to_json_best_effort()),
        "inputs": {name: [list(map(str, s.shape)), str(s.dtype)] for name, s in inputs.items()},
        "platforms": list(PLATFORMS),
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()},
    }
    path = Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
        archive.writestr("artifact.json", json.dumps(about, indent=1))
    return path


def load_exported(path: str | Path) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
    """The exported model as a function of a batch (its `artifact.json` names the fields).

    Coil sensitivity maps that the program takes and the batch lacks are estimated.
    """
    platform = {"gpu": "cuda"}.get(jax.default_backend(), jax.default_backend())
    try:
        with zipfile.ZipFile(path) as archive:
            refuse_bomb(archive)
            about = json.loads(archive.read("artifact.json"))
            if WEIGHTS not in archive.namelist():
                raise UserError(f"{path} is of an earlier version; export the checkpoint again")
            if platform not in about["platforms"]:
                raise UserError(
                    f"{path} has programs for {', '.join(about['platforms'])} and none for "
                    f"{platform}"
                )
            wanted = (WEIGHTS, _program(platform))
            weights, program = (archive.read(name) for name in wanted)
        names = tuple(map(str, about["inputs"]))
        checksums = [about["sha256"][name] for name in wanted]
    except (FileNotFoundError, UserError):
        raise
    except Exception as error:  # of a damaged zip file or description: all kinds
        raise UserError(f"{path} is not an exported model: {error}") from error
    for name, data, checksum in zip(wanted, (weights, program), checksums, strict=True):
        if hashlib.sha256(data).hexdigest() != checksum:
            raise UserError(f"{path} is damaged: the checksum of {name} does not agree")
    try:
        exported = jax_export.deserialize(bytearray(program))
        params = jax.device_put(safetensors.numpy.load(weights))
    except Exception as error:  # of another format or version
        raise UserError(f"{path} holds no program that this JAX reads: {error}") from error

    def run(batch: dict[str, np.ndarray]) -> np.ndarray:
        if MAPS in names:
            batch = {**batch, MAPS: _maps(batch)}
        elif MAPS in batch:
            log.warning("the program of %s has maps of its own and ignores %r", path, MAPS)
        return np.asarray(exported.call(params, {name: read_field(batch, name) for name in names}))

    return run


def _maps(batch: Batch) -> np.ndarray:
    """The maps [B, C, H, W] that `Reconstruction` takes for the k-space of a batch."""
    kspace, masks = (np.asarray(read_field(batch, name)) for name in ("kspace", "mask"))
    if MAPS in batch:
        return fitted_maps(np.asarray(batch[MAPS]), kspace, masks).astype(np.complex64)
    coils = np.flatnonzero(kspace.any(axis=(0, 2, 3))).max(initial=0) + 1
    measured = kspace[:, :coils]  # ESPIRiT would take those that fill up for free of noise
    maps = estimated_maps(measured, masks)
    if maps is None:
        maps = estimate_sensitivities(measured, masks)
    filling = [(0, 0), (0, kspace.shape[1] - coils), (0, 0), (0, 0)]
    return np.pad(maps, filling).astype(np.complex64)


def _program(platform: str) -> str:
    return f"{platform}.stablehlo"
