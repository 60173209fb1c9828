"""BART: NAME.cfl and NAME.hdr, rows and columns as dimensions 0 and 1, slices as 13."""

from pathlib import Path

import numpy as np

from mript_jax.inference.save.arrays import write_sidecar
from mript_jax.inference.save.atomic import atomic_file
from mript_jax.inference.volumes import ReconstructedVolume

DIMENSIONS, SLICES = 16, 13  # of BART


def write(folder: Path, result: ReconstructedVolume) -> list[Path]:
    """Write NAME.cfl, complex64, NAME.hdr and the sidecar NAME.json."""
    header, numbers = (folder / f"{result.name}.{ending}" for ending in ("hdr", "cfl"))
    slices, height, width = result.reconstruction.shape
    sizes = [height, width, *[1] * (SLICES - 2), slices, *[1] * (DIMENSIONS - SLICES - 1)]
    facts = result.facts()
    comments = "".join(f"# {key}\n{value}\n" for key, value in facts.items() if value != "")
    with atomic_file(numbers) as temporary:
        result.reconstruction.astype(np.complex64).swapaxes(1, 2).tofile(temporary)
    with atomic_file(header) as temporary:
        temporary.write_text(f"# Dimensions\n{' '.join(map(str, sizes))}\n{comments}", "ascii")
    return [numbers, header, write_sidecar(folder, result)]
