"""Where a slice lies in the patient."""

import dataclasses

import numpy as np

TO_LPS = np.array([-1.0, -1.0, 1.0])  # from these coordinates to DICOM's and MRD's, and back


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Position, orientation and size of a slice's pixels, in NIfTI's coordinates.

    affine: [4, 4], takes (row, column, slice offset, 1) of a pixel of the image [H, W] to
      millimetres in the patient: x to the patient's right, y to the front, z to the head. Its
      third column is the step from this slice to the next.
    """

    affine: np.ndarray

    @property
    def pixel_mm(self) -> tuple[float, float, float]:
        """Size of a pixel along rows (downwards), along columns, and the step between slices."""
        down, along, through = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(down), float(along), float(through)
