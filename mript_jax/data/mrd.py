"""ISMRMRD (MRD) acquisitions: the fields of a line of k-space, its flags, its place.

The layout is that of the standard's HDF5 files, so that plain h5py reads and writes them.
"""

from collections.abc import Sequence

import h5py
import numpy as np

from mript_jax.data.geometry import Geometry

COUNTERS = (
    "kspace_encode_step_1",
    "kspace_encode_step_2",
    "average",
    "slice",
    "contrast",
    "phase",
    "repetition",
    "set",
    "segment",
)
INDEX = np.dtype([*((name, "<u2") for name in COUNTERS), ("user", "<u2", 8)])
HEAD = np.dtype(
    [
        ("version", "<u2"),
        ("flags", "<u8"),
        ("measurement_uid", "<u4"),
        ("scan_counter", "<u4"),
        ("acquisition_time_stamp", "<u4"),
        ("physiology_time_stamp", "<u4", 3),
        ("number_of_samples", "<u2"),
        ("available_channels", "<u2"),
        ("active_channels", "<u2"),
        ("channel_mask", "<u8", 16),
        ("discard_pre", "<u2"),
        ("discard_post", "<u2"),
        ("center_sample", "<u2"),
        ("encoding_space_ref", "<u2"),
        ("trajectory_dimensions", "<u2"),
        ("sample_time_us", "<f4"),
        ("position", "<f4", 3),
        ("read_dir", "<f4", 3),
        ("phase_dir", "<f4", 3),
        ("slice_dir", "<f4", 3),
        ("patient_table_position", "<f4", 3),
        ("idx", INDEX),
        ("user_int", "<i4", 8),
        ("user_float", "<f4", 8),
    ]
)
# Numbers of flags, from 1, of acquisitions that are no lines of an image.
NOISE, CALIBRATION, CALIBRATION_AND_IMAGING, REVERSE, PHASE_CORRECTION = 19, 20, 21, 22, 24
OTHER_DATA = {
    NOISE: "noise",
    23: "navigator",
    PHASE_CORRECTION: "phase correction",
    26: "feedback",
    27: "dummy",
    28: "feedback",
    29: "coil correction",
    30: "phase stabilization",
    31: "phase stabilization",
}

FLOATS = h5py.vlen_dtype(np.dtype("<f4"))
ACQUISITION = np.dtype([("head", HEAD), ("traj", FLOATS), ("data", FLOATS)])


def has_flag(heads: np.ndarray, number: int) -> np.ndarray:
    """Mark the acquisitions that have a flag."""
    return (heads["flags"] >> np.uint64(number - 1)) & np.uint64(1) > 0


TO_LPS = np.array([-1.0, -1.0, 1.0])  # from NIfTI's coordinates (RAS) to the standard's, and back


def to_lps(geometry: Geometry, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """position, read_dir, phase_dir and slice_dir of an image [H, W] whose rows are the readout.

    The position is that of the pixel (H // 2, W // 2), the center of the field of view.
    """
    directions = geometry.affine[:3, :3] / np.linalg.norm(geometry.affine[:3, :3], axis=0)
    center = geometry.affine @ (shape[0] // 2, shape[1] // 2, 0, 1)
    names = ("read_dir", "phase_dir", "slice_dir")
    place = {name: TO_LPS * directions[:, i] for i, name in enumerate(names)}
    return {"position": TO_LPS * center[:3], **place}


def from_lps(
    position: np.ndarray,
    directions: np.ndarray,
    middle: Sequence[int],
    pixel_mm: Sequence[float],
    step: np.ndarray | None = None,
) -> Geometry | None:
    """The geometry of an image from the position of its pixel `middle` and its directions [3, 3].

    `directions` are those of the readout (down), of the phase encoding (to the right) and of the
    slices; `pixel_mm` are the size of a pixel along H and W, and the thickness of a slice, which is
    the step to the next slice unless `step` is given. Files that say nothing of their place have
    zeros as directions: None.
    """
    numbers = np.concatenate([np.ravel(directions), position, pixel_mm])
    if not np.isfinite(numbers).all():
        return None
    if not np.allclose(directions @ directions.T, np.eye(3), atol=1e-2):
        return None
    affine = np.eye(4)
    affine[:3, :3] = (TO_LPS * directions * np.reshape(pixel_mm, (3, 1))).T
    if step is not None:
        affine[:3, 2] = TO_LPS * step
    affine[:3, 3] = TO_LPS * position - affine[:3, :2] @ middle
    return Geometry(affine)
