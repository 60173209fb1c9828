"""The reference image of fully sampled k-space, and the mask of undersampled k-space."""

import numpy as np

from mript_jax.data.records import BlankRecord, BrokenRecord
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import ifft2c
from mript_jax.physics.recognition.mask import recognize_kspace


def image_or_mask(
    kspace: np.ndarray, size: tuple[int, int] | None
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """(image, None) of fully sampled k-space [C, H, W], (None, mask [H, W]) of any other.

    Empty columns at both ends are padding and do not make k-space undersampled.
    """
    columns = np.any(kspace != 0, axis=(0, 1))  # [W]
    inside = np.flatnonzero(columns)
    if columns[inside[0] : inside[-1] + 1].all():
        return image_from_kspace(kspace, size), None
    return None, recognize_kspace(kspace)


def image_from_kspace(kspace: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """The reference as fastMRI makes it: coil images, center-cropped, root-sum-of-squares."""
    images = ifft2c(kspace)
    if size is not None:
        h, w = (min(wanted, have) for wanted, have in zip(size, images.shape[-2:], strict=True))
        top, left = (images.shape[-2] - h) // 2, (images.shape[-1] - w) // 2
        images = images[..., top : top + h, left : left + w]
    return root_sum_of_squares(images, axis=0).astype(np.float32)


def refuse_unusable(array: np.ndarray, what: str) -> None:
    """Refuses an array with nothing in it, or with something that is no number."""
    if not np.isfinite(array).all():
        raise BrokenRecord(what, f"its {what} holds NaN or infinity")
    if not array.any():
        raise BlankRecord(what, f"its {what} is all zero")
