"""Generated volumes as fastMRI-format files: the fastMRI path runs on data that ships with us."""

from pathlib import Path

import h5py
import numpy as np

from mript_jax.data.phantom.slices import ANATOMIES, make_slice
from mript_jax.errors import UserError
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.crop import center_crop
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.masks import sample_mask

OVERSAMPLING = 2  # of the readout (rows), as in fastMRI's files
ACQUISITIONS = {"head": "AXT2", "knee": "CORPD_FBK", "abdomen": "ABDOMEN"}
FIELD_OF_VIEW = 220.0  # mm
THICKNESS = 4.5  # mm of a slice; the next one begins where it ends

HEADER = """<?xml version="1.0" encoding="utf-8"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
<acquisitionSystemInformation><receiverChannels>{coils}</receiverChannels>
</acquisitionSystemInformation>
<experimentalConditions><H1resonanceFrequency_Hz>63866217</H1resonanceFrequency_Hz>
</experimentalConditions>
<encoding>
<encodedSpace><matrixSize><x>{rows}</x><y>{columns}</y><z>1</z></matrixSize>
<fieldOfView_mm><x>{rows_mm}</x><y>{columns_mm}</y><z>{thickness}</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>{height}</x><y>{width}</y><z>1</z></matrixSize>
<fieldOfView_mm><x>{side_mm}</x><y>{side_mm}</y><z>{thickness}</z></fieldOfView_mm></reconSpace>
<encodingLimits>
<kspace_encoding_step_1><minimum>0</minimum><maximum>{last}</maximum>
<center>{center}</center></kspace_encoding_step_1>
<slice><minimum>0</minimum><maximum>{last_slice}</maximum><center>{middle_slice}</center></slice>
</encodingLimits>
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
    columns: int | None = None,
    anatomies: tuple[str, ...] = tuple(ANATOMIES),
) -> None:
    """Write subject `index` as a volume of `slices` neighbouring slices, slice by slice.

    The reference is `size` x `size`; k-space has twice as many rows, the readout's oversampling,
    and as many columns, or `columns`, whose field of view is that much wider. One coil makes a
    single-coil file, more a multi-coil one. With a mask (pattern, acceleration, center fraction,
    seed; whole columns only) it is a test file: undersampled, no reference.
    """
    columns = size if columns is None else columns
    if columns < size:
        raise UserError(f"{columns=} of k-space do not hold an image of size={size}")
    rng = np.random.default_rng([seed, index, 2])
    sensitivities = coil_sensitivities(coils, (size, columns), rng)
    shape = (OVERSAMPLING * size, columns)
    lines = None if mask is None else sample_mask(mask[0], shape, *mask[1:])[0]
    with h5py.File(path, "w") as file:
        file["ismrmrd_header"] = header(size, shape, coils, slices)
        stored = (slices, *shape) if coils == 1 else (slices, coils, *shape)
        stored_kspace = file.create_dataset("kspace", stored, np.complex64)
        reference = np.zeros((slices, size, size), np.float32)
        for number, z in enumerate(slice_positions(slices)):
            made = make_slice(seed, index, (size, size), anatomies, z=z)
            kspace = measure(
                center_crop(made.image, (size, columns)), sensitivities, made.noise, rng
            )
            images = center_crop(ifft2c(kspace), (size, size))
            reference[number] = root_sum_of_squares(images, axis=0)
            kspace = kspace if lines is None else kspace * lines
            stored_kspace[number] = kspace[0] if coils == 1 else kspace
        file.attrs["patient_id"] = f"phantom-{seed}-{index}"
        file.attrs["acquisition"] = ACQUISITIONS[made.attributes["anatomy"]]
        if mask is None:
            file["reconstruction_esc" if coils == 1 else "reconstruction_rss"] = reference
            file.attrs["max"] = float(reference.max())
            file.attrs["norm"] = float(np.linalg.norm(reference))
        else:
            file["mask"] = np.asarray(lines, bool)
            file.attrs["acceleration"] = mask[1]
            file.attrs["num_low_frequency"] = round(columns * mask[2])


def slice_positions(slices: int) -> np.ndarray:
    """The z of the slices of a volume, which lie around the middle of the subject."""
    return np.linspace(-0.25, 0.25, slices)


def measure(
    image: np.ndarray,
    sensitivities: np.ndarray,
    noise: float,
    rng: np.random.Generator,
    oversampling: int = OVERSAMPLING,
) -> np.ndarray:
    """k-space [C, n H, W] complex64, with noise, of an image [H, W]; n: oversampling."""
    height, width = image.shape
    images = center_crop(image * sensitivities, (oversampling * height, width))
    parts = rng.standard_normal((2, *images.shape), dtype=np.float32) * np.float32(noise)
    return fft2c(images + (parts[0] + 1j * parts[1])).astype(np.complex64)


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


def header(size: int, shape: tuple[int, int], coils: int, slices: int) -> str:
    """The ISMRMRD header of images `size` x `size` from k-space of this shape."""
    rows, columns = shape
    return HEADER.format(
        coils=coils,
        rows=rows,
        columns=columns,
        height=size,
        width=size,
        rows_mm=FIELD_OF_VIEW * rows / size,
        columns_mm=FIELD_OF_VIEW * columns / size,
        side_mm=FIELD_OF_VIEW,
        thickness=THICKNESS,
        last=columns - 1,
        center=columns // 2,
        last_slice=slices - 1,
        middle_slice=slices // 2,
    )
