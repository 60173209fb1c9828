"""The reference image of fully sampled k-space, and the mask of any other."""

import numpy as np

from mript_jax.data.records import BlankRecord, BrokenRecord
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import ifft2c
from mript_jax.physics.partial_fourier import complete_kspace, measured_share
from mript_jax.physics.recognition.mask import recognize_kspace

FULL = 0.99  # share of the samples within the measured lines: less is a pattern of points


def image_or_mask(
    kspace: np.ndarray, size: tuple[int, int] | None, measured: np.ndarray | None = None
) -> tuple[np.ndarray | None, np.ndarray | None, list[str]]:
    """The image and the mask [H, W] of k-space [C, H, W], and what should be said of them.

    Fully sampled k-space gives (image, None). Empty lines at both ends are padding and do not make
    it undersampled. Partial Fourier and partial echo give both, the image completed by POCS; where
    that does not serve, and of k-space with gaps, there is (None, mask). `measured` is where
    samples were measured, by default where some coil is not zero.
    """
    mask = recognize_kspace(kspace) if measured is None else measured.astype(np.float32)
    rows, columns = np.any(mask, axis=1), np.any(mask, axis=0)
    inside = mask[np.ix_(_within(rows), _within(columns))]
    if inside.mean() < FULL:
        return None, mask, []
    shares = {"echo": measured_share(rows), "Fourier": measured_share(columns)}
    partial = [f"partial {name} {share:.2f}" for name, share in shares.items() if share < 1]
    if not partial:
        return image_from_kspace(kspace, size), None, []
    completed = complete_kspace(kspace, rows, columns)
    mask = np.outer(rows, columns).astype(np.float32)
    if completed is None:
        return None, mask, [f"{', '.join(partial)}: no reference, since its phase is not smooth"]
    said = f"{', '.join(partial)}: the reference is completed by POCS"
    return image_from_kspace(completed, size), mask, [said]


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


def _within(line: np.ndarray) -> np.ndarray:
    """The samples from the first to the last that was measured."""
    where = np.flatnonzero(line)
    return np.arange(where[0], where[-1] + 1)
