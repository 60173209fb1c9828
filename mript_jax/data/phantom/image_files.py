"""The generated head as images, in DICOM (needs pydicom) and NIfTI (needs nibabel).

The slices are tilted, as a scanner's along the brain are, so that a viewer or a program that swaps
or flips an axis shows it.
"""

from pathlib import Path

import numpy as np

from mript_jax.data.geometry import Geometry
from mript_jax.data.phantom.scan import HeadScan
from mript_jax.errors import UserError

BRIGHTEST = 4095  # of a stored value, as scanners have it
TILTS = (12.0, -7.0)  # degrees about the axes to the right and to the head


def write_dicom(path: Path, scan: HeadScan) -> Path:
    """A folder with a file for each slice."""
    _refuse_undersampled(scan)
    from pydicom.dataset import Dataset
    from pydicom.uid import MRImageStorage, generate_uid

    from mript_jax.data.dicom_slices import save_slice, set_pixels, set_place

    if path.exists():
        raise UserError(f"{path} is there already; give the name of a new folder")
    path.mkdir()
    common = Dataset()
    common.SOPClassUID, common.Modality = MRImageStorage, "MR"
    common.SpecificCharacterSet = "ISO_IR 192"
    common.PatientName, common.PatientID = "Phantom^Generated", f"phantom-{scan.seed}"
    common.PatientBirthDate = common.PatientSex = common.StudyDate = common.StudyTime = ""
    common.StudyID = common.AccessionNumber = common.ReferringPhysicianName = ""
    common.StudyInstanceUID, common.SeriesInstanceUID = generate_uid(), generate_uid()
    common.FrameOfReferenceUID, common.PositionReferenceIndicator = generate_uid(), ""
    common.SeriesNumber, common.SeriesDescription = 1, "generated head"
    common.Manufacturer, common.Laterality, common.PatientPosition = "mript_jax", "", "HFS"
    common.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    common.ScanningSequence, common.SequenceVariant, common.ScanOptions = "RM", "NONE", ""
    common.MRAcquisitionType = "2D"
    common.RepetitionTime = common.EchoTime = common.EchoTrainLength = None
    for number, image in enumerate(_images(scan)):
        data = Dataset()
        data.update(common)
        data.InstanceNumber = number + 1
        set_place(data, tilted_geometry(scan, number))
        set_pixels(data, image)
        save_slice(data, path / f"{number + 1:04d}.dcm")
    return path


def write_nifti(path: Path, scan: HeadScan) -> Path:
    """A .nii or .nii.gz file, its voxels stored to the left, the front and the head."""
    _refuse_undersampled(scan)
    import nibabel

    path = (
        path if path.name.endswith((".nii", ".nii.gz")) else path.with_name(f"{path.name}.nii.gz")
    )
    voxels = _images(scan)[:, ::-1].transpose(2, 1, 0)  # columns, rows upwards, slices
    rows = tilted_geometry(scan, 0).affine
    affine = np.stack(
        [rows[:, 1], -rows[:, 0], rows[:, 2], rows @ (scan.size - 1, 0, 0, 1)], axis=1
    )
    image = nibabel.Nifti1Image(voxels.astype(np.int16), affine)
    image.set_qform(affine, 1)
    image.set_sform(affine, 1)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return path


def tilted_geometry(scan: HeadScan, number: int) -> Geometry:
    """The place of a slice: that of the scan, turned about the center."""
    (cos_x, sin_x), (cos_z, sin_z) = ((np.cos(angle), np.sin(angle)) for angle in np.deg2rad(TILTS))
    about_x = np.array([[1, 0, 0], [0, cos_x, -sin_x], [0, sin_x, cos_x]])
    about_z = np.array([[cos_z, -sin_z, 0], [sin_z, cos_z, 0], [0, 0, 1]])
    affine = scan.geometry(number).affine.copy()
    affine[:3] = about_z @ about_x @ affine[:3]
    return Geometry(affine)


def _images(scan: HeadScan) -> np.ndarray:
    """[S, H, W] whole numbers."""
    images = np.abs([made.image for made in scan.images()])
    return np.rint(np.clip(images / images.max(), 0, 1) * BRIGHTEST)


def _refuse_undersampled(scan: HeadScan) -> None:
    if scan.acceleration != 1:
        raise UserError(
            f"--acceleration={scan.acceleration:g} is for k-space, and this format holds images; "
            "reconstruct undersamples them"
        )
