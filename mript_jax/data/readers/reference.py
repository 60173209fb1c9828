"""The reference image of fully sampled k-space, and the mask of any other."""

import numpy as np

from mript_jax.data.records import BlankRecord, BrokenRecord
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.fourier import ifft2c
from mript_jax.physics.partial_fourier import complete_kspace, measured_share
from mript_jax.physics.recognition.mask import recognize_kspace

FULL = 0.99  # share of the samples within the measured lines: less is a pattern of points


def image_or_mask(
    kspace: np.ndarray,
    size: tuple[int, int] | None,
    measured: np.ndarray | None = None,
    complete: bool = True,
) -> tuple[np.ndarray | None, np.ndarray | None, list[str]]:
    """The image and the mask [H, W] of k-space [C, H, W], and what should be said of them.

    Fully sampled k-space gives (image, None). Empty lines at both ends are padding and do not make
    it undersampled. Partial Fourier and partial echo give both, the image completed by POCS; where
    that does not serve, and of k-space with gaps, there is (None, mask). `measured` is where
    samples were measured, by default where some coil is not zero. Without `complete`, what partial
    Fourier left out stays 0 in a reference, as in the references of public datasets.
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
    if not complete:
        return image_from_kspace(kspace, size), None, [f"{', '.join(partial)}, filled with zeros"]
    completed = complete_kspace(kspace, rows, columns)
    mask = np.outer(rows, columns).astype(np.float32)
    if completed is None:
        return None, mask, [f"{', '.join(partial)}: no reference, since its phase is not smooth"]
    said = f"{', '.join(partial)}: the reference is completed by POCS"
    return image_from_kspace(completed, size), mask, [said]


def transform_partitions(kspace: np.ndarray, measured: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """k-space [Z, C, H, W] of a 3D scan, along Z as an image, and what should be said of it.

    `measured` [Z, ...] is where samples were measured; all partitions between the first and the
    last must have measured the same lines, since the slices are then reconstructed by themselves.
    """
    if len(kspace) == 1:
        return kspace, []
    lines, partitions = (
        np.any(measured, axis=0),
        np.any(measured.reshape(len(measured), -1), axis=1),
    )
    if not partitions.any():
        return kspace, []
    if not measured[_within(partitions)][:, lines].all():
        raise ValueError("is undersampled along partitions; such 3D scans are not read")
    share, notes = measured_share(partitions), []
    if share < 1:
        notes = [f"partial Fourier {share:.2f} along partitions, filled with zeros"]
    shifted = np.fft.ifftshift(kspace, axes=0)
    images = np.fft.fftshift(np.fft.ifft(shifted, axis=0, norm="ortho"), axes=0)
    return images.astype(kspace.dtype), notes


def mask_of_slice(
    stored: np.ndarray, shape: tuple[int, ...], number: int, slices: int
) -> np.ndarray:
    """[H, W] float32 of a slice, from a mask of 0 and 1 of lines [W] or samples [H, W].

    There may be one for each of the `slices` along the first axis.
    """
    H, W = shape
    each = (
        len(stored) == slices and stored.size in (slices * W, slices * H * W) if stored.ndim else 0
    )
    mask = stored if stored.size in (W, H * W) else stored[number] if each else None
    if mask is None:
        raise ValueError(f"its mask is {list(stored.shape)}, its k-space {[slices, H, W]}")
    mask = np.asarray(mask)
    if mask.dtype.kind not in "bfiu" or not np.isin(mask, (0, 1)).all():
        raise ValueError("its mask holds something else than 0 and 1")
    if not mask.any():
        raise ValueError("its mask samples nothing")
    return np.broadcast_to(mask.reshape(-1, W).astype(np.float32), (H, W))


def image_from_kspace(kspace: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """The reference as fastMRI makes it: coil images, center-cropped, root-sum-of-squares."""
    images = ifft2c(kspace)
    if size is not None:
        h, w = (min(wanted, have) for wanted, have in zip(size, images.shape[-2:], strict=True))
        top, left = (images.shape[-2] - h) // 2, (images.shape[-1] - w) // 2
        images = images[..., top : top + h, left : left + w]
    with np.errstate(over="ignore"):
        image = root_sum_of_squares(images, axis=0).astype(np.float32)
    if not np.isfinite(image).all():
        raise ValueError("its k-space is so large that its image is infinite")
    return image


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
