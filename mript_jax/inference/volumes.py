"""Whole volumes through a reconstruction: the slices of a reader, together with their places."""

import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mript_jax.data.geometry import Geometry
from mript_jax.data.readers.base import Source
from mript_jax.data.records import Record
from mript_jax.data.transforms import volume_seed
from mript_jax.errors import UserError
from mript_jax.evaluation.metrics import psnr
from mript_jax.inference.provenance import Provenance
from mript_jax.inference.reconstruction import Reconstruction
from mript_jax.physics.crop import center_crop, crop_kspace, zero_filled_scan
from mript_jax.physics.fourier import fft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.recognition.mask import recognize_mask
from mript_jax.physics.tasks import Task

SLICES = 8  # that are read and reconstructed together
# Endings of scan files; what else follows a dot belongs to the name (DICOM's numbers of series).
ENDING = re.compile(
    r"\.(h5|hdf5|mrd|mat|npy|cfl|nii|nii\.gz|mgz|mgh|mnc|dcm|ima|png|jpe?g|tiff?|bmp)$",
    re.IGNORECASE,
)
UNUSABLE = re.compile(r"^\.|[/\\:]|[^\x20-\x7e\u00a1-\uffff]")  # in a file's name
LONGEST_NAME = 160


@dataclasses.dataclass(frozen=True)
class ReconstructedVolume:
    name: str
    reconstruction: np.ndarray  # [S, H, W]
    zero_filled: np.ndarray  # [S, H, W]
    reference: np.ndarray | None  # [S, H, W]
    masks: np.ndarray  # [S, H, W] of the k-space
    simulated: bool  # the mask was ours, not the scanner's
    slice_numbers: tuple[int, ...] = ()  # of each slice in the source
    geometries: tuple[Geometry | None, ...] = ()  # of each slice, where the source says it
    attributes: tuple[Mapping[str, Any], ...] = ()  # of each slice's record
    paths: tuple[str | None, ...] = ()  # of the file that each slice was read from
    provenance: Provenance = dataclasses.field(default_factory=Provenance)

    def facts(self) -> dict[str, str | float]:
        """Method, weights and acceleration, which every output carries."""
        seen = recognize_mask(self.masks[0])
        return {
            "software": f"mript_jax {self.provenance.version}",
            "commit": self.provenance.commit,
            "method": self.provenance.method,
            "checkpoint": self.provenance.checkpoint,
            "checkpoint_sha256": self.provenance.checkpoint_sha256,
            "config_hash": self.provenance.config_hash,
            "pattern": seen.pattern,
            "true_acceleration": float(seen.true_acceleration),
            "undersampling": "retrospective" if self.simulated else "prospective",
        }

    def summary(self) -> str:
        """One line: what was done, and how near the reference it came."""
        seen = recognize_mask(self.masks[0])
        differ = "" if np.all(self.masks == self.masks[0]) else ", a mask for each slice"
        how = "retrospective" if self.simulated else "prospective"
        line = (
            f"{len(self.reconstruction)} slices, {seen.pattern}, "
            f"acceleration {seen.true_acceleration:.2f} ({how}{differ})"
        )
        if self.reference is not None:
            before, after = (
                float(np.mean(psnr(self.reference, image, data_range=self.reference.max())))
                for image in (self.zero_filled, self.reconstruction)
            )
            line += f", PSNR {after:.2f} dB (zero-filled {before:.2f} dB)"
        return line


class Slices(Sequence[Record]):
    """Neighbouring slices of a source, read one by one: a volume need not fit in memory."""

    def __init__(self, source: Source, start: int, end: int):
        self._source, self._numbers = source, range(start, end)

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index):
        chosen = self._numbers[index]
        if isinstance(chosen, range):
            return [self._source[i] for i in chosen]
        return self._source[chosen]


def iterate_volumes(source: Source) -> Iterator[tuple[str, Sequence[Record]]]:
    """The slices of a source, volume by volume, with a name for the files of each."""
    # fastMRI's volumes are named without their folder, in which there may be others of that name.
    volumes = source.names
    start = 0
    taken: set[str] = set()
    for end in range(1, len(volumes) + 1):
        if end == len(volumes) or volumes[end] != volumes[start]:
            name = _distinct(output_name(volumes[start]), taken)
            taken.add(name)
            yield name, Slices(source, start, end)
            start = end


def output_name(volume: str) -> str:
    """The name of a volume's files: its folders and its name without a scan's ending."""
    return UNUSABLE.sub("_", ENDING.sub("", volume))[-LONGEST_NAME:] or "volume"


def reconstruct_volume(
    reconstruction: Reconstruction,
    records: Sequence[Record],
    task: Task,
    name: str = "",
    *,
    provenance: Provenance | None = None,
) -> ReconstructedVolume:
    """Reconstruct a volume with its own masks, or one of `task` for its fully sampled slices.

    `provenance` is for the outputs.
    """
    parts, simulated = [], []
    for start in range(0, len(records), SLICES):
        slices = []
        for record in records[start : start + SLICES]:
            kspace, mask = _kspace(record), record.mask
            simulated.append(mask is None or bool(np.all(mask)))
            if mask is None or simulated[-1]:
                mask = _mask_of(task, kspace.shape[-2:], record.volume)
            slices.append((record, kspace, np.broadcast_to(mask, kspace.shape[-2:])))
        parts.append(_reconstruct_slices(reconstruction, slices))
    references = [part.reference for part in parts if part.reference is not None]
    return ReconstructedVolume(
        name=name or output_name(records[0].volume),
        reconstruction=np.concatenate([part.reconstruction for part in parts]),
        zero_filled=np.concatenate([part.zero_filled for part in parts]),
        reference=np.concatenate(references) if len(references) == len(parts) else None,
        masks=np.concatenate([part.masks for part in parts]),
        simulated=all(simulated),
        slice_numbers=tuple(number for part in parts for number in part.slice_numbers),
        geometries=tuple(geometry for part in parts for geometry in part.geometries),
        attributes=tuple(attributes for part in parts for attributes in part.attributes),
        paths=tuple(path for part in parts for path in part.paths),
        provenance=provenance or Provenance(),
    )


def _reconstruct_slices(
    reconstruction: Reconstruction, slices: Sequence[tuple[Record, np.ndarray, np.ndarray]]
) -> ReconstructedVolume:
    """Some slices of a volume: each a record with its k-space [C, H, W] and mask [H, W]."""
    shape = _image_shape(slices[0][0], slices[0][1].shape[-2:])
    cropped = [crop_kspace(kspace, mask, shape) for _, kspace, mask in slices]
    kspace = np.stack([kspace for kspace, _ in cropped])  # [S, C, h, w]
    images = reconstruction.from_kspace(kspace, np.stack([mask for _, mask in cropped]))
    references = [record.image for record, *_ in slices if record.image is not None]
    return ReconstructedVolume(
        name="",
        reconstruction=center_crop(images, shape),
        zero_filled=center_crop(np.abs(zero_filled_scan(kspace)), shape),
        reference=np.stack(references) if len(references) == len(slices) else None,
        masks=np.stack([mask for *_, mask in slices]).astype(np.uint8),
        simulated=False,
        slice_numbers=tuple(record.slice_index for record, *_ in slices),
        geometries=tuple(record.geometry for record, *_ in slices),
        attributes=tuple(record.attributes for record, *_ in slices),
        paths=tuple(record.path for record, *_ in slices),
    )


def _distinct(name: str, taken: set[str]) -> str:
    """The name, numbered where it is taken."""
    numbered = (f"{name}_{i}" for i in itertools.count(2))
    return next(n for n in itertools.chain([name], numbered) if n not in taken)


def _mask_of(task: Task, shape: tuple[int, int], volume: str) -> np.ndarray:
    numbers = (task.acceleration, task.center_fraction)
    return sample_mask(task.pattern, shape, *numbers, seed=volume_seed(volume))


def _kspace(record: Record) -> np.ndarray:
    """Measured k-space [C, H, W], or that of the magnitude image where a file has none."""
    if record.kspace is not None:
        return record.kspace
    if record.image is None:
        where = f"{record.volume}: slice {record.slice_index}"
        raise UserError(f"{where} has neither k-space nor image")
    return fft2c(record.image)[None]


def _image_shape(record: Record, kspace_shape: tuple[int, int]) -> tuple[int, int]:
    """The size of the image: the reference's, or what the header says, or that of k-space."""
    if record.image is not None:
        return record.image.shape
    return tuple(record.attributes.get("recon_size", kspace_shape))
