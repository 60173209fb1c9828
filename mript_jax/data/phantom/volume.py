"""Generated volumes as fastMRI-format files: the fastMRI path runs on data that ships with us."""

from pathlib import Path

import h5py
import numpy as np

from mript_jax.data.phantom.slices import ANATOMIES, make_slice
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.masks import sample_mask

OVERSAMPLING = 2  # of the readout (rows), as in fastMRI's files
ACQUISITIONS = {"head": "AXT2", "knee": "CORPD_FBK", "abdomen": "ABDOMEN"}
FIELD_OF_VIEW = 220.0  # mm

HEADER = """<?xml version="1.0" encoding="utf-8"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
<encoding>
<encodedSpace><matrixSize><x>{rows}</x><y>{columns}</y><z>1</z></matrixSize>
<fieldOfView_mm><x>{rows_mm}</x><y>{columns_mm}</y><z>4.5</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>{height}</x><y>{width}</y><z>1</z></matrixSize>
<fieldOfView_mm><x>{columns_mm}</x><y>{columns_mm}</y><z>4.5</z></fieldOfView_mm></reconSpace>
<encodingLimits><kspace_encoding_step_1><minimum>0</minimum><maximum>{last}</maximum>
<center>{center}</center></kspace_encoding_step_1></encodingLimits>
<trajectory>cartesian</trajectory>
</encoding>
</ismrmrdHeader>
"""


def write_fastmri_h5(
    path: str | Path,
    seed: int,
    index: int,
    slices: int,
    size: int,
    coils: int = 1,
    mask: tuple[str, float, float, int] | None = None,
) -> None:
    """Writes subject `index` as a volume of `slices` neighbouring slices, `size` x `size`.

    One coil makes a single-coil file, more a multi-coil one. With a mask (pattern, acceleration,
    center fraction, seed; whole columns only) it is a test file: undersampled, no reference.
    """
    made = [
        make_slice(seed, index, (size, size), tuple(ANATOMIES), z)
        for z in np.linspace(-0.25, 0.25, slices)
    ]
    rng = np.random.default_rng([seed, index, 2])
    sensitivities = coil_sensitivities(coils, (size, size), rng)
    margin = (OVERSAMPLING - 1) * size // 2
    kspace = []
    for one in made:
        images = np.pad(one.image * sensitivities, ((0, 0), (margin, margin), (0, 0)))
        noise = rng.standard_normal((2, *images.shape), dtype=np.float32) * np.float32(one.noise)
        kspace.append(fft2c(images + noise[0] + 1j * noise[1]))
    kspace = np.stack(kspace).astype(np.complex64)  # [S, C, 2 H, W]
    images = ifft2c(kspace)[..., margin : margin + size, :]
    reference = root_sum_of_squares(images, axis=1).astype(np.float32)
    attributes = {
        "max": float(reference.max()),
        "norm": float(np.linalg.norm(reference)),
        "patient_id": f"phantom-{seed}-{index}",
        "acquisition": ACQUISITIONS[made[0].attributes["anatomy"]],
    }
    with h5py.File(path, "w") as file:
        file["ismrmrd_header"] = _header(size, OVERSAMPLING * size)
        if mask is None:
            name = "reconstruction_esc" if coils == 1 else "reconstruction_rss"
            file[name] = reference
        else:
            pattern, acceleration, center_fraction, mask_seed = mask
            columns = sample_mask(
                pattern, kspace.shape[-2:], acceleration, center_fraction, mask_seed
            )[0]
            kspace = kspace * columns
            file["mask"] = columns.astype(bool)
            attributes = {key: attributes[key] for key in ("patient_id", "acquisition")}
            attributes |= {
                "acceleration": acceleration,
                "num_low_frequency": round(size * center_fraction),
            }
        file["kspace"] = kspace[:, 0] if coils == 1 else kspace
        file.attrs.update(attributes)


def coil_sensitivities(coils: int, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """[C, H, W] complex: coils around the body, their squares adding up to 1; one coil is 1."""
    if coils == 1:
        return np.ones((1, *shape), np.complex64)
    y, x = (np.linspace(-1, 1, n) for n in shape)
    angle = 2 * np.pi * (np.arange(coils) + rng.uniform()) / coils
    dx = x[None, None, :] - 1.2 * np.cos(angle)[:, None, None]
    dy = y[None, :, None] - 1.2 * np.sin(angle)[:, None, None]
    magnitude = np.exp(-(dx**2 + dy**2) / 1.6)
    phase = angle[:, None, None] + rng.uniform(-1, 1, (coils, 1, 1)) * (dx + dy)
    maps = magnitude * np.exp(1j * phase)
    return (maps / root_sum_of_squares(maps, axis=0)).astype(np.complex64)


def _header(size: int, rows: int) -> str:
    return HEADER.format(
        rows=rows,
        columns=size,
        height=size,
        width=size,
        rows_mm=FIELD_OF_VIEW * rows / size,
        columns_mm=FIELD_OF_VIEW,
        last=size - 1,
        center=size // 2,
    )
