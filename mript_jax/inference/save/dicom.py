"""DICOM: a series of MR images, one file a slice, which pass `dciodvfy`. Needs pydicom."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.config import RAISE
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.misc import is_dicom
from pydicom.uid import MRImageStorage, generate_uid
from pydicom.valuerep import DSfloat

from mript_jax.data.dicom_slices import save_slice, set_pixels, set_place
from mript_jax.inference.save.atomic import atomic_folder
from mript_jax.inference.save.placing import blocks, is_placed, slice_geometries
from mript_jax.inference.volumes import ReconstructedVolume

log = logging.getLogger(__name__)

UNREADABLE = (InvalidDicomError, OSError, ValueError, KeyError, TypeError, AttributeError, EOFError)
BRIGHTEST = 2**16 - 1  # of a stored value
FINE_ENOUGH = 1000  # gray values
SERIES_OFFSET = 9000  # added to the source's series number, so that ours comes last
# Of the acquisition: they say nothing of the patient, and are kept.
ACQUISITION = [
    *("ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType"),
    *("RepetitionTime", "EchoTime", "EchoNumbers", "EchoTrainLength", "InversionTime"),
    *("FlipAngle", "NumberOfAverages", "ImagingFrequency", "ImagedNucleus", "PixelBandwidth"),
    *("MagneticFieldStrength", "NumberOfPhaseEncodingSteps", "PercentSampling"),
    *("InPlanePhaseEncodingDirection", "SliceThickness", "PatientPosition", "Manufacturer"),
]
# Of the patient and the study: they are kept only where asked.
IDENTITY = [
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientWeight"),
    *("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"),
    *("StudyDescription", "BodyPartExamined", "Laterality", "InstitutionName"),
    "ManufacturerModelName",
]
UIDS = ["StudyInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID", "SOPClassUID"]
EMPTY = [  # must be there, and may say nothing
    *("PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime"),
    *("AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator"),
    *("ScanOptions", "MRAcquisitionType", "EchoTime", "EchoTrainLength", "RepetitionTime"),
    *("Manufacturer", "PatientPosition", "Laterality"),
]


def write(folder: Path, result: ReconstructedVolume, keep_identity: bool = False) -> list[Path]:
    """Write NAME_dicom/0001.dcm, 0002.dcm ... and return the folder's path.

    A source in DICOM hands down its acquisition parameters; its patient and study only where
    `keep_identity`. Else the series names nobody, and all its UIDs are new.
    """
    path = folder / f"{result.name}_dicom"
    source = _source_header(result, 0)
    common = _series(result, source, keep_identity)
    slope, lowest = _scaling(result.reconstruction)
    window = float(np.percentile(result.reconstruction, 99.5))
    geometries = slice_geometries(result)
    repeats = {i: r for b in blocks(result) for i, r in zip(b.slices, b.repeats, strict=True)}
    with atomic_folder(path, ".dcm") as temporary:
        for number, image in enumerate(result.reconstruction):
            data = Dataset()
            data.update(common)
            data.InstanceNumber = number + 1
            data.AcquisitionNumber = repeats[number] + 1
            if max(repeats.values()):
                data.TemporalPositionIdentifier = repeats[number] + 1
                data.NumberOfTemporalPositions = max(repeats.values()) + 1
            set_place(data, geometries[number])
            set_pixels(data, np.rint((image - lowest) / slope))
            if (slope, lowest) != (1.0, 0.0):  # the standard's MR images have none
                data.RescaleSlope = DSfloat(slope, True)
                data.RescaleIntercept = DSfloat(lowest, True)
                data.RescaleType = "US"  # unspecified
            if window >= 1:  # as DICOM wants it; else the viewer chooses
                data.WindowCenter, data.WindowWidth = (
                    DSfloat(window / 2, True),
                    DSfloat(window, True),
                )
            if keep_identity:
                _refer(data, _source_header(result, number))
            save_slice(data, temporary / f"{number + 1:04d}.dcm")
    return [path]


def _series(result: ReconstructedVolume, source: Dataset, keep_identity: bool) -> Dataset:
    """The elements that all slices share."""
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    for keyword in EMPTY:
        setattr(data, keyword, None)
    data.PatientName, data.PatientID = "Anonymous^", "anonymous"
    data.ScanningSequence, data.SequenceVariant = "RM", "NONE"  # "research mode"
    _copy(source, data, ACQUISITION)
    facts = result.facts()
    data.SOPClassUID, data.Modality = MRImageStorage, "MR"
    data.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    data.SeriesInstanceUID = generate_uid()
    data.SeriesNumber = SERIES_OFFSET + (_whole(source.get("SeriesNumber")) or 0) % SERIES_OFFSET
    acceleration = f"R={facts['true_acceleration']:.2f}"
    data.SeriesDescription = f"mript_jax {result.title()} {acceleration}"[:64]
    known = "" if is_placed(result) else "; position unknown, axial pixels of 1 mm assumed"
    data.DerivationDescription = (
        f"{facts['software']}: {facts['content']}, method {facts['method'] or 'unknown'}, "
        f"checkpoint {facts['checkpoint'] or 'none'}, "
        f"sha256 {facts['checkpoint_sha256'] or 'none'}, "
        f"{facts['undersampling']} undersampling {facts['pattern']}, {acceleration}{known}"
    )[:1024]
    if result.trust:
        data.ImageComments = "; ".join([result.trust.summary(), *result.warnings()])[:10240]
    data.SoftwareVersions = str(facts["software"])[:64]
    if keep_identity:
        _copy(source, data, IDENTITY)
    elif source:
        data.PatientIdentityRemoved = "YES"
        data.DeidentificationMethod = "header made anew; parameters of the acquisition kept"
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID"):
        uid = str(source.get(keyword) or "")
        kept = keep_identity and pydicom.uid.UID(uid).is_valid
        # The same anonymous one for all series of a study, so that they stay together.
        setattr(data, keyword, uid if kept else generate_uid(entropy_srcs=[uid] if uid else None))
    return data


def _scaling(images: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the stored values; 1 and 0 where whole numbers are fine enough."""
    lowest, highest = min(float(images.min()), 0.0), float(images.max())
    if lowest == 0 and FINE_ENOUGH <= highest <= BRIGHTEST:
        return 1.0, 0.0
    return (highest - lowest) / BRIGHTEST or 1.0, lowest


def _refer(data: Dataset, source: Dataset) -> None:
    """Name the image that the slice was made from."""
    if "SOPInstanceUID" in source and "SOPClassUID" in source:
        reference = Dataset()
        reference.ReferencedSOPClassUID = source.SOPClassUID
        reference.ReferencedSOPInstanceUID = source.SOPInstanceUID
        data.SourceImageSequence = [reference]


def _source_header(result: ReconstructedVolume, number: int) -> Dataset:
    """The header of the slice's source; an empty one where the source was not DICOM."""
    path = result.paths[number] if result.paths else None
    if path is None:
        return Dataset()
    wanted = [*ACQUISITION, *IDENTITY, *UIDS, "SeriesNumber", "SpecificCharacterSet"]
    try:
        if not is_dicom(path):
            return Dataset()
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=wanted)
    except UNREADABLE as error:
        log.warning("%s: its DICOM header is not handed down: %s", path, error)
        return Dataset()


def _copy(source: Dataset, data: Dataset, keywords: list[str]) -> None:
    """Copy what is there and valid."""
    for keyword in keywords:
        value = source.get(keyword)
        if value is None or value == "":
            continue
        value = str(value) if keyword in ("PatientName", "ReferringPhysicianName") else value
        tag = pydicom.datadict.tag_for_keyword(keyword)
        vr = pydicom.datadict.dictionary_VR(tag)
        try:
            data[keyword] = pydicom.DataElement(tag, vr, value, validation_mode=RAISE)
        except (ValueError, TypeError, AttributeError):
            log.warning("%s of the source's DICOM header is not valid; left out", keyword)


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (ValueError, TypeError):
        return None
