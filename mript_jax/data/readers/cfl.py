"""BART's files: a .cfl with complex numbers, column by column, and a .hdr with their dimensions."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np

from mript_jax.data.readers.files import refuse_escape, remember
from mript_jax.data.readers.index import About
from mript_jax.data.readers.reference import image_or_mask, refuse_unusable, transform_partitions
from mript_jax.data.readers.volumes import Format, VolumeSource

DIMENSIONS = (  # BART's, by position
    *("readout", "phase_encoding", "partition", "coil", "map", "echo", "coefficient"),
    *("coefficient_2", "iteration", "shift", "time", "time_2", "level", "slice", "average"),
    "batch",
)
READOUT, PHASE, PARTITION, COIL, MAP, SLICE, AVERAGE = 0, 1, 2, 3, 4, 13, 14
LONGEST_HEADER = 2**16  # bytes
LARGEST_SIDE = 2**16

Frame = tuple[int, ...]  # positions along the dimensions from MAP on


class CflSource(VolumeSource):
    """The slices of a .cfl, or of a folder of them; samples that are zero in all coils are missing.

    Echoes, times and whatever else BART's dimensions count are slices too, with their index in
    the attributes. Averages are averaged.
    """

    def __init__(self, path: str | Path):
        form = Format(
            kind="cfl-1",
            suffixes=(".cfl",),
            inspect=inspect_file,
            slices=_slices,
            open_file=Pair,
            read=_read,
            open_files=4,
        )
        super().__init__(str(numbers_of(Path(path))), form)


class Pair:
    """An open pair of files."""

    def __init__(self, path: str):
        self.shape = read_dimensions(Path(path))
        self._array = np.memmap(path, np.complex64, "r", shape=self.shape, order="F")
        self.volume = remember(self._volume, 1)

    def close(self) -> None:
        self.volume.cache_clear()
        del self._array

    def _volume(self, frame: Frame) -> tuple[np.ndarray, list[str]]:
        """k-space [Z, C, H, W] of a frame, along Z already an image, and what to say of it."""
        inside = tuple(slice(None) if MAP + i == AVERAGE else at for i, at in enumerate(frame))
        part = np.asarray(self._array[(..., *inside)])  # [x, y, z, C, averages]
        times = np.sum(np.any(part != 0, axis=COIL, keepdims=True), axis=-1)
        # [z, C, x, y]; in this order in memory too, on which the last bit of an image depends
        kspace = (part.sum(axis=-1) / np.maximum(times, 1)).transpose(2, 3, 0, 1)
        return transform_partitions(
            kspace.astype(np.complex64, order="C"), times[..., 0, :].transpose(2, 0, 1) > 0
        )


def write_cfl(path: Path, array: np.ndarray) -> Path:
    """Write [S, C, H, W] as BART's x, y, coils and slices; the path of the .cfl."""
    numbers = numbers_of(path)
    slices, coils, height, width = array.shape
    sizes = [1] * len(DIMENSIONS)
    sizes[READOUT], sizes[PHASE], sizes[COIL], sizes[SLICE] = height, width, coils, slices
    text = "# Dimensions\n" + " ".join(map(str, sizes)) + "\n"
    numbers.with_suffix(".hdr").write_text(text, encoding="ascii")
    array.astype(np.complex64).swapaxes(-1, -2).tofile(numbers)  # the first dimension runs fastest
    return numbers


def numbers_of(path: Path) -> Path:
    """The .cfl of a pair, which may be named by the .hdr, or without an ending as BART does."""
    if path.is_dir():
        return path
    if path.suffix == ".hdr":
        return path.with_suffix(".cfl")
    return path if path.suffix == ".cfl" else path.with_name(f"{path.name}.cfl")


def read_dimensions(path: Path) -> tuple[int, ...]:
    """BART's 16 dimensions of a .cfl, whose size they must explain."""
    header = path.with_suffix(".hdr")
    refuse_escape(path.parent, header)
    with header.open("rb") as file:
        lines = file.read(LONGEST_HEADER).decode("ascii").splitlines()
    try:
        sizes = [int(text) for text in lines[lines.index("# Dimensions") + 1].split()]
    except (ValueError, IndexError) as error:
        raise ValueError(f"{header.name} names no dimensions: {error}") from error
    count = len(DIMENSIONS)
    if not 2 <= len(sizes) <= count or min(sizes) < 1 or max(sizes) > LARGEST_SIDE:
        raise ValueError(f"{header.name} has the impossible dimensions {_listed(sizes)}")
    size, wanted = path.stat().st_size, 8 * math.prod(sizes)
    if size != wanted:
        raise ValueError(f"has {size} bytes; {header.name} ({_listed(sizes)}) asks for {wanted}")
    return (*sizes, *[1] * (count - len(sizes)))


def inspect_file(path: str) -> About:
    """The dimensions of a pair, which must be those of Cartesian k-space."""
    shape = read_dimensions(Path(path))
    if shape[READOUT] == 1 or shape[PHASE] == 1:
        raise ValueError(
            f"has the dimensions {_listed(shape)}: with 1 sample along readout or phase encoding "
            "it is no Cartesian k-space; grid it first (bart nufft)"
        )
    if shape[MAP] > 1:
        raise ValueError(f"has {shape[MAP]} maps (dimension {MAP}), so it is no k-space")
    return {"shape": list(shape)}


def _slices(about: About) -> list[tuple[Frame, int]]:
    """Each frame with each partition; slices change first, so that neighbours stay neighbours."""
    shape = about["shape"]
    others = [range(1 if axis == AVERAGE else shape[axis]) for axis in range(MAP, len(shape))]
    at = SLICE - MAP
    order = sorted(itertools.product(*others), key=lambda f: (*f[:at], *f[at + 1 :], f[at]))
    return list(itertools.product(order, range(shape[PARTITION])))


def _read(pair: Pair, about: About, key: tuple[Frame, int]) -> dict[str, Any]:
    frame, partition = key
    if list(pair.shape) != about["shape"]:
        raise ValueError(f"its dimensions are no longer {_listed(about['shape'])}")
    volume, notes = pair.volume(frame)
    kspace = volume[partition]  # [C, H, W]
    refuse_unusable(kspace, "kspace")
    image, mask, more = image_or_mask(kspace, None)
    at = (0, 0, partition, 0, *frame)
    attributes: dict[str, Any] = {
        name: i
        for name, i, size in zip(DIMENSIONS, at, pair.shape, strict=True)
        if size > 1 and name not in ("readout", "phase_encoding", "coil", "average")
    }
    if notes + more:
        attributes["notes"] = notes + more
    return {
        "image": image,
        "slice_index": _slices(about).index(key),
        "kspace": kspace,
        "mask": mask,
        "attributes": attributes,
    }


def _listed(shape: Any) -> str:
    return " ".join(map(str, shape))
