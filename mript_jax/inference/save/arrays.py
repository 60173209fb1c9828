"""The sidecar of formats that hold an array and nothing else."""

import json
from pathlib import Path

from mript_jax.inference.save.atomic import atomic_file
from mript_jax.inference.volumes import ReconstructedVolume


def write_sidecar(folder: Path, result: ReconstructedVolume) -> Path:
    """Write NAME.json: the facts, and of each slice its number, affine and residuals."""
    path = folder / f"{result.name}.json"
    affines = [None if g is None else g.affine.tolist() for g in result.geometries]
    content = {**result.facts(), "slice_numbers": result.slice_numbers, "affines": affines}
    if result.trust:
        content["residuals"] = result.trust.residuals.tolist()
        content["noise_residuals"] = result.trust.noise_residuals.tolist()
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1))
    return path
