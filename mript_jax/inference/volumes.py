"""Whole volumes through a reconstruction: from the slices of a reader to a file and a picture."""

import dataclasses
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mript_jax.data.readers.base import Source
from mript_jax.data.records import Record
from mript_jax.data.transforms import volume_seed
from mript_jax.errors import UserError
from mript_jax.evaluation.metrics import psnr
from mript_jax.inference.reconstruction import Reconstruction
from mript_jax.physics.crop import center_crop, crop_kspace, zero_filled_scan
from mript_jax.physics.fourier import fft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.recognition.mask import recognize_mask
from mript_jax.physics.tasks import Task

SLICES = 8  # that are read and reconstructed together
PREVIEW_SLICES = 3
PREVIEW_SIZE = 224  # pixels that a slice takes at least; small ones are enlarged
TITLE_HEIGHT = 24
# Endings of scan files; what else follows a dot belongs to the name (DICOM's numbers of series).
ENDING = re.compile(
    r"\.(h5|hdf5|mrd|mat|npy|nii|nii\.gz|dcm|ima|png|jpe?g|tiff?|bmp)$", re.IGNORECASE
)


@dataclasses.dataclass(frozen=True)
class ReconstructedVolume:
    name: str
    reconstruction: np.ndarray  # [S, H, W]
    zero_filled: np.ndarray  # [S, H, W]
    reference: np.ndarray | None  # [S, H, W]
    masks: np.ndarray  # [S, H, W] of the k-space
    simulated: bool  # the mask was ours, not the scanner's

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
    return ENDING.sub("", volume).replace("/", "_")


def reconstruct_volume(
    reconstruction: Reconstruction, records: Sequence[Record], task: Task, name: str = ""
) -> ReconstructedVolume:
    """Reconstruct a volume with its own masks, or one of `task` for its fully sampled slices."""
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
    )


def write_volume(folder: Path, result: ReconstructedVolume) -> Path:
    """Writes NAME.h5 (fastMRI's layout) and NAME.png, and returns the former's path."""
    path = folder / f"{result.name}.h5"
    same = bool(np.all(result.masks == result.masks[0]))
    seen = recognize_mask(result.masks[0])
    with h5py.File(path, "w") as file:
        file["reconstruction"] = result.reconstruction.astype(np.float32)
        file["zero_filled"] = result.zero_filled.astype(np.float32)
        file["mask"] = (result.masks[0] if same else result.masks).astype(np.float32)
        file.attrs["max"] = float(result.reconstruction.max())
        file.attrs["pattern"] = seen.pattern
        file.attrs["true_acceleration"] = seen.true_acceleration
        file.attrs["simulated_undersampling"] = result.simulated
    _preview(result).save(path.with_suffix(".png"))
    return path


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


def _preview(result: ReconstructedVolume) -> Image.Image:
    """Rows of slices: zero-filled, reconstruction, and reference and error where there is one."""
    chosen = np.linspace(0, len(result.reconstruction) - 1, PREVIEW_SLICES + 2).astype(int)[1:-1]
    rows = []
    for i in dict.fromkeys(chosen.tolist()):
        row = {"zero-filled": result.zero_filled[i], "reconstruction": result.reconstruction[i]}
        if result.reference is not None:
            row["reference"] = result.reference[i]
            row["4 x error"] = 4 * np.abs(row["reconstruction"] - row["reference"])
        brightest = np.percentile(row.get("reference", row["zero-filled"]), 99.5)
        scale = 255 / max(brightest, 1e-12)
        rows.append({name: np.clip(scale * image, 0, 255) for name, image in row.items()})
    enlarged = -(-PREVIEW_SIZE // max(result.reconstruction.shape[1:]))
    height, width = (n * enlarged for n in result.reconstruction.shape[1:])
    sheet = Image.new("L", (width * len(rows[0]), TITLE_HEIGHT + height * len(rows)))
    draw = ImageDraw.Draw(sheet)
    for column, name in enumerate(rows[0]):
        draw.text((column * width + 6, 4), name, fill=255, font=ImageFont.load_default(14))
        for number, row in enumerate(rows):
            picture = Image.fromarray(row[name].astype(np.uint8)).resize((width, height))
            sheet.paste(picture, (column * width, TITLE_HEIGHT + number * height))
    return sheet
