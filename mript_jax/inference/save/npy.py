"""NumPy: NAME.npy with [S, H, W], and NAME.json beside it."""

from pathlib import Path

import numpy as np

from mript_jax.inference.save.arrays import write_sidecar
from mript_jax.inference.save.atomic import atomic_file
from mript_jax.inference.volumes import ReconstructedVolume


def write(folder: Path, result: ReconstructedVolume) -> list[Path]:
    """Write NAME.npy, float32, and its sidecar."""
    path = folder / f"{result.name}.npy"
    with atomic_file(path) as temporary:
        np.save(temporary, result.reconstruction.astype(np.float32), allow_pickle=False)
    return [path, write_sidecar(folder, result)]
