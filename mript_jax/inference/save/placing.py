"""Slices as blocks of voxels: where each one goes, by its geometry."""

import dataclasses
import itertools

import numpy as np

from mript_jax.data.geometry import Geometry
from mript_jax.inference.volumes import ReconstructedVolume

SAME = 1e-3  # of a pixel, or of a direction: orientations that differ less are one
OFF_GRID = 0.05  # of the step between slices
COUNTERS = ("time", "contrast", "phase", "repetition", "set")  # attributes that tell images apart
MOST_GAPS = 8  # times as many places as slices: more and they are no stack


@dataclasses.dataclass(frozen=True)
class Block:
    """Slices on one grid."""

    affine: np.ndarray  # [4, 4], takes (row, column, place, 1) to RAS millimetres
    slices: list[int]  # of the volume
    places: list[int]  # of each slice along the third axis
    repeats: list[int]  # of each slice along the fourth axis (times, echoes)

    @property
    def depth(self) -> int:
        return max(self.places) + 1

    @property
    def times(self) -> int:
        return max(self.repeats) + 1


def is_placed(result: ReconstructedVolume) -> bool:
    """The source says of each slice where it lies."""
    places = result.geometries
    return len(places) == len(result.reconstruction) and None not in places


def slice_geometries(result: ReconstructedVolume) -> list[Geometry]:
    """The geometry of each slice: the source's, or where it says nothing an assumed one."""
    if is_placed(result):
        return [geometry for geometry in result.geometries if geometry is not None]
    shape = (result.reconstruction.shape[1], result.reconstruction.shape[2])
    return [assumed_geometry(shape, number) for number in range(len(result.reconstruction))]


def assumed_geometry(shape: tuple[int, int], number: int) -> Geometry:
    """Pixels of 1 mm, axial as in radiology, for a source that says nothing.

    The voxels of such slices, turned to right, anterior, superior, have the identity as affine.
    """
    height, width = shape
    affine = np.eye(4)
    affine[:3, :2] = [[0, -1], [-1, 0], [0, 0]]
    affine[:3, 3] = width - 1, height - 1, number
    return Geometry(affine)


def blocks(result: ReconstructedVolume) -> list[Block]:
    """The slices as few blocks: one for a volume, one an orientation for a localizer."""
    geometries, moments = slice_geometries(result), _moments(result)
    fits = len(result.slice_numbers) == len(geometries)
    numbers = list(result.slice_numbers) if fits else list(range(len(geometries)))
    found = []
    for _, members in itertools.groupby(range(len(geometries)), lambda i: _key(geometries[i])):
        slices = list(members)
        own = [numbers[i] for i in slices]
        block = _block([geometries[i].affine for i in slices], slices, own, moments)
        alone = [_block([geometries[i].affine], [i], [numbers[i]], moments) for i in slices]
        found += [block] if block else [one for one in alone if one]
    return found


def _moments(result: ReconstructedVolume) -> list[int]:
    """The number of each slice's time, echo and the like, in order, by its attributes."""
    attributes = result.attributes or ({},) * len(result.reconstruction)
    keys = [tuple(int(a.get(counter, 0)) for counter in COUNTERS) for a in attributes]
    numbers = {key: number for number, key in enumerate(sorted(set(keys)))}
    return [numbers[key] for key in keys]


def _key(geometry: Geometry) -> tuple[float, ...]:
    """Orientation and size of the pixels, rounded."""
    return tuple(np.round(geometry.affine[:3, :2].ravel() / (10 * SAME)))


def _block(
    affines: list[np.ndarray], slices: list[int], numbers: list[int], moments: list[int]
) -> Block | None:
    """The block of slices of one orientation, or None where they are not evenly spaced."""
    affine = affines[0].copy()
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    normal /= np.linalg.norm(normal)
    origins = np.stack([a[:3, 3] for a in affines])  # [S, 3]
    along = origins @ normal
    if along[-1] < along[0]:
        along = -along  # the order of the slices stays
    heights = along - along.min()  # [S]
    step = float(np.linalg.norm(affine[:3, 2]))
    levels = np.unique(heights)
    gaps = np.diff(levels)[np.diff(levels) > SAME]
    places = np.zeros(len(slices), int)
    if gaps.size:
        count = _steps(heights, gaps.min(), numbers)
        if count >= MOST_GAPS * len(slices):
            return None
        first, last = origins[heights.argmin()], origins[heights.argmax()]
        affine[:3, 2], affine[:3, 3] = (last - first) / count, first
        step = float(heights.max()) / count
        places = np.rint(heights / step).astype(int)
    expected = affine[:3, 3] + places[:, None] * affine[:3, 2]
    if np.linalg.norm(origins - expected, axis=1).max() > OFF_GRID * (step + SAME):
        return None
    return Block(affine, slices, places.tolist(), _repeats(places.tolist(), slices, moments))


def _steps(heights: np.ndarray, smallest: float, numbers: list[int]) -> int:
    """Steps from the lowest slice to the highest: by their numbers, where heights agree."""
    passed = np.abs(np.asarray(numbers) - numbers[int(heights.argmin())])
    count = int(passed[heights.argmax()])
    if 0 < count < MOST_GAPS * len(numbers):
        step = heights.max() / count
        if np.abs(heights - passed * step).max() <= OFF_GRID * step:
            return count
    return round(float(heights.max()) / smallest)


def _repeats(places: list[int], slices: list[int], moments: list[int]) -> list[int]:
    """The time of each slice; without one, how many earlier slices have its place."""
    times = [moments[i] for i in slices]
    if len(set(zip(places, times, strict=True))) == len(slices):
        return [time - min(times) for time in times]
    taken: dict[int, int] = {}
    repeats = []
    for place in places:
        repeats.append(taken.get(place, 0))
        taken[place] = repeats[-1] + 1
    return repeats
