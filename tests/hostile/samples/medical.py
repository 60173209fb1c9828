"""NIfTI and DICOM files, written by the packages of the extras, which may be missing."""

import functools
import math
import struct
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np

from mript_jax.data.records import Record
from tests.hostile import structure_medical
from tests.hostile.samples.sample import ENDLESS, Sample, Spans, source

# NIfTI


def _nifti(folder: Path, suffix: str, times: int = 1) -> None:
    import nibabel

    for name, seed in (("good", 1), ("hit", 0)):
        shape = (5, 4, 3, times) if times > 1 else (5, 4, 3)
        voxels = np.random.default_rng(seed).integers(1, 4000, shape).astype(np.int16)
        affine = np.float64([[1, 0, 0, -3], [0, 2, 0, 5], [0, 0, 3, 7], [0, 0, 0, 1]])
        image = nibabel.Nifti1Image(voxels, affine)
        image.header.set_xyzt_units("mm", "sec")
        image.header["descrip"] = b"made by a test"
        image.set_qform(affine, 1)
        nibabel.save(image, folder / f"{name}.{suffix}")


def _recognize_nifti(path: Path) -> None:
    import nibabel

    _ = nibabel.load(path).header


# All but sizeof_hdr, dim, datatype, bitpix, vox_offset and magic: what is said there is said once,
# or twice within a tolerance (qform and sform).
NIFTI_UNSAID = ((4, 40), (56, 70), (74, 108), (112, 344))


def _nifti_values(path: Path) -> Spans:
    if path.suffix == ".gz":
        return [range(4, 10)]  # of gzip: time, level, system
    return [*(range(*span) for span in NIFTI_UNSAID), range(352, ENDLESS)]


def _nifti_sides(content: bytes, damaged: bytes) -> bytes:
    """Sides in another order: as many voxels, and nothing else says which side is which."""
    sizes = [struct.unpack_from("<8h", data, 40) for data in (content, damaged[:56].ljust(56))]
    voxels = [math.prod(size[1 : 1 + max(size[0], 0)]) for size in sizes]
    return damaged[:40] + content[40:56] + damaged[56:] if voxels[0] == voxels[1] else damaged


def _nifti_sample(suffix: str, times: int = 1) -> Sample:
    more = {"bomb": structure_medical.nifti_bomb} if suffix.endswith("gz") else {}
    return Sample(
        write=functools.partial(_nifti, suffix=suffix, times=times),
        target=f"hit.{suffix}",
        open=source("nifti"),
        recognize=_recognize_nifti,
        structure=structure_medical.NIFTI | more,
        other_content=frozenset(structure_medical.NIFTI_OTHER_CONTENT),
        unprotected=_nifti_values,
        restored=_nifti_sides if suffix == "nii" else Sample.restored,
    )


NIFTI = (_nifti_sample("nii"), _nifti_sample("nii", times=2), _nifti_sample("nii.gz"))

# DICOM


def _dicom_dataset(series: int, position: int, frames: int = 1) -> Any:
    import pydicom

    shape = (frames, 6, 8) if frames > 1 else (6, 8)
    rng = np.random.default_rng(10 * series + position)
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
    data = pydicom.Dataset()
    data.file_meta = meta
    data.SOPClassUID = meta.MediaStorageSOPClassUID
    data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = f"1.2.3.{series}.{position}"
    data.SeriesInstanceUID, data.PatientID, data.Modality = f"1.2.{series}", "Doe", "MR"
    data.StudyInstanceUID, data.SeriesDescription = "1.2", "T2 TSE"
    data.InstanceNumber, data.SliceThickness = position, 3
    data.ImagePositionPatient = [0, 0, 3 * position]
    data.ImageOrientationPatient, data.PixelSpacing = [1, 0, 0, 0, 1, 0], [1, 1]
    data.Rows, data.Columns = shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    if frames > 1:
        data.NumberOfFrames = frames
    data.PixelData = rng.integers(1, 4000, shape).astype(np.uint16).tobytes()
    return data


def _dicom(folder: Path, frames: int = 1, packed: bool = False) -> None:
    import pydicom

    for series, positions in ((1, (0, 1, 2)), (2, (0,))):
        for position in positions:
            name = f"series{series}_{position}.dcm" if (series, position) != (1, 1) else "hit.dcm"
            data = _dicom_dataset(series, position, frames)
            if packed:
                data.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
            data.save_as(folder / name, enforce_file_format=True)


def _recognize_dicom(path: Path) -> None:
    import pydicom

    pydicom.dcmread(path, stop_before_pixels=True)


def _dicom_values(path: Path) -> Spans:
    """Elements that may be missing or say something else: nothing protects them."""
    said = {structure_medical.known(name)[0] for name in DICOM_SAID} | {(2, 0), (2, 0x10)}
    spans = structure_medical.find_elements(path.read_bytes())
    return [
        range(span.start + 12, ENDLESS) if tag == structure_medical.PIXELS else span
        for tag, span in spans.items()
        if tag not in said
    ]


DICOM_SAID = (  # by the number of pixels, or by what there is no other value for
    *("Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "NumberOfFrames", "Modality"),
    *("SOPClassUID", "BitsStored", "HighBit", "PhotometricInterpretation", "PixelRepresentation"),
)


def _dicom_sample(frames: int = 1, packed: bool = False) -> Sample:
    return Sample(
        write=functools.partial(_dicom, frames=frames, packed=packed),
        target="hit.dcm",
        open=source("dicom"),
        recognize=_recognize_dicom,
        structure=structure_medical.DICOM,
        other_content=frozenset(structure_medical.DICOM_OTHER_CONTENT),
        unprotected=_dicom_values,
        own="1.2.1",
        key=_by_picture,
        renames=True,
    )


def _by_picture(record: Record) -> Hashable:
    assert record.image is not None
    return record.volume.partition("_")[0], record.image.tobytes()


DICOM = (_dicom_sample(), _dicom_sample(frames=2), _dicom_sample(packed=True))
