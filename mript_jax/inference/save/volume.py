"""The formats of the output, and their choice."""

import dataclasses
import importlib
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mript_jax.errors import UserError, named_missing_package, unknown_name_error
from mript_jax.inference.save.placing import is_placed
from mript_jax.inference.volumes import ReconstructedVolume

log = logging.getLogger(__name__)

FORMATS = {  # name -> its module of this package, each with `write`; imported when it is used
    "h5": "h5",  # fastMRI's layout
    "png": "png",  # a preview
    "nifti": "nifti",  # the extra "nifti"
    "dicom": "dicom",  # the extra "dicom"
    "mrd": "mrd",
    "cfl": "cfl",  # BART's
    "npy": "npy",
}
LONGEST_NAME = 200  # bytes; with an ending it fits every file system
PLACED = ("nifti", "dicom", "mrd")  # formats that hold the place of a slice
TOGETHER = ("h5", "png")  # formats whose one file holds all; others have a file for each method
UNCERTAINTY = "uncertainty"  # the content of a volume: a standard deviation of each pixel's error
PERSONAL = ("dicom",)  # formats that can name the patient


def save_volume(
    folder: str | Path,
    result: ReconstructedVolume,
    formats: Sequence[str],
    *,
    keep_identity: bool = False,
) -> list[Path]:
    """Write a volume in each of the formats, and return the paths.

    Args:
      folder: where the files go, named after the volume; it is made if there is none.
      result: the volume. Further methods and the uncertainty go into the same file, or for formats
        that hold one image into files called NAME_METHOD and NAME_uncertainty.
      formats: names of FORMATS.
      keep_identity: DICOM files name the patient and the study of the source's DICOM header.
    """
    folder = Path(folder)
    _check_name(result.name)
    if not np.isfinite(result.reconstruction).all():
        raise UserError(f"{result.name}: the reconstruction holds NaN or infinity")
    writers = [_writer(name) for name in formats]
    if not is_placed(result) and set(formats) & set(PLACED):
        log.warning(
            "%s: its source says nothing of position and pixel size; axial pixels of 1 mm assumed",
            result.name,
        )
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[Path, None] = {}  # some formats share a file
    for name, write in zip(formats, writers, strict=True):
        options = {"keep_identity": keep_identity} if name in PERSONAL else {}
        apart = [*result.by_method(), *_uncertainty(result)]
        volumes = [result] if name in TOGETHER else apart
        try:
            for volume in volumes:
                written |= dict.fromkeys(write(folder, volume, **options))
        except OSError as error:
            raise UserError(f"{folder}: {name} of {result.name!r} not written: {error}") from error
    return list(written)


def check_formats(formats: Sequence[str]) -> None:
    """Refuse a format that there is not, or that needs a package that is not installed."""
    for name in formats:
        _writer(name)


def _writer(name: str):
    if name not in FORMATS:
        raise unknown_name_error("output format", name, FORMATS)
    with named_missing_package(f"{name} output needs", extra=name):
        return importlib.import_module(f"mript_jax.inference.save.{FORMATS[name]}").write


def _uncertainty(result: ReconstructedVolume) -> list[ReconstructedVolume]:
    """The uncertainty as the image of a volume, where there is one."""
    if result.trust is None or result.trust.uncertainty is None:
        return []
    return [
        dataclasses.replace(
            result,
            name=f"{result.name}_uncertainty",
            reconstruction=result.trust.uncertainty,
            others=(),
            content=UNCERTAINTY,
        )
    ]


def _check_name(name: str) -> None:
    plain = name.isprintable() and not set(name) & set("/\\:") and not name.startswith(".")
    if not name or not plain or len(name.encode(errors="replace")) > LONGEST_NAME:
        raise UserError(f"{name!r} is no name for a file")
