"""Slices of DICOM: place, pixels, file. Needs pydicom."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import DSfloat

from mript_jax.data.geometry import TO_LPS, Geometry


def set_place(data: Dataset, geometry: Geometry) -> None:
    """Position, orientation and size of the pixels."""
    down, along, _ = TO_LPS * (geometry.affine[:3, :3] / geometry.pixel_mm).T
    down_mm, along_mm, step_mm = geometry.pixel_mm
    data.ImageOrientationPatient = [DSfloat(float(x), True) for x in (*along, *down)]
    corner = TO_LPS * geometry.affine[:3, 3]
    data.ImagePositionPatient = [DSfloat(float(x), True) for x in corner]
    data.PixelSpacing = [DSfloat(down_mm, True), DSfloat(along_mm, True)]
    data.SpacingBetweenSlices = DSfloat(step_mm, True)
    if not data.get("SliceThickness"):
        data.SliceThickness = DSfloat(step_mm, True)


def set_pixels(data: Dataset, values: np.ndarray) -> None:
    """The whole numbers 0 ... 65535 of [H, W] as pixels."""
    data.Rows, data.Columns = values.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    data.PixelData = values.astype("<u2").tobytes()


def save_slice(data: Dataset, path: Path) -> None:
    """Write a file, under a new UID."""
    data.SOPInstanceUID = generate_uid()
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = data.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta = meta
    data.save_as(path, enforce_file_format=True)
