"""Small valid files of every format, made as the software that others use writes them."""

from collections.abc import Sequence

from tests.hostile.samples.arrays import CFL, NUMPY
from tests.hostile.samples.hdf5 import CMRXRECON, FASTMRI, HEADERS, ISMRMRD
from tests.hostile.samples.medical import DICOM, NIFTI
from tests.hostile.samples.own import ARRAYRECORD, CHECKPOINTS, MASKS, SPLITS
from tests.hostile.samples.pictures import PICTURES, RADIMAGENET
from tests.hostile.samples.sample import Sample

__all__ = ["SAMPLES", "Sample"]

SAMPLES: dict[str, Sequence[Sample]] = {  # by reader
    "fastmri": FASTMRI,
    "images": PICTURES,
    "radimagenet": RADIMAGENET,
    "nifti": NIFTI,
    "dicom": DICOM,
    "ismrmrd": ISMRMRD,
    "cmrxrecon": CMRXRECON,
    "arrayrecord": ARRAYRECORD,
    "cfl": CFL,
    "numpy": NUMPY,
    "masks": MASKS,
    "splits": SPLITS,
    "checkpoints": CHECKPOINTS,
    "headers": HEADERS,
}
