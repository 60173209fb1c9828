"""BART's files: a .cfl with complex numbers, column by column, and a .hdr with their dimensions."""

from pathlib import Path

import numpy as np

READOUT, PHASE, PARTITION, COIL, MAP, SLICE = 0, 1, 2, 3, 4, 13  # BART's dimensions
DIMENSIONS = 16


def write_cfl(path: Path, array: np.ndarray) -> Path:
    """Write [S, C, H, W] as BART's x, y, coils and slices; the path of the .cfl."""
    path = path.with_suffix("") if path.suffix in (".cfl", ".hdr") else path
    slices, coils, height, width = array.shape
    sizes = [1] * DIMENSIONS
    sizes[READOUT], sizes[PHASE], sizes[COIL], sizes[SLICE] = height, width, coils, slices
    text = "# Dimensions\n" + " ".join(map(str, sizes)) + "\n"
    path.with_name(f"{path.name}.hdr").write_text(text, encoding="ascii")
    numbers = path.with_name(f"{path.name}.cfl")
    array.astype(np.complex64).swapaxes(-1, -2).tofile(numbers)  # the first dimension runs fastest
    return numbers
