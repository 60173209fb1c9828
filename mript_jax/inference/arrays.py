"""Arrays that a user hands in: checked, and brought to the axes that reconstruction works on."""

import numpy as np

from mript_jax.errors import UserError
from mript_jax.physics.recognition.mask import recognize_kspace


def check_finite(data: np.ndarray, name: str) -> None:
    """Refuse arrays that hold NaN or infinity, or no numbers."""
    if not np.issubdtype(data.dtype, np.number):
        raise UserError(f"{name} holds {data.dtype} and no numbers")
    if not np.isfinite(data).all():
        raise UserError(f"{name} holds NaN or infinity")


def coils_third_last(data: np.ndarray, coil_axis: int | None) -> np.ndarray:
    """k-space as [S, C, H, W]."""
    if coil_axis is None:
        return data.reshape(-1, 1, *data.shape[-2:])
    if not -data.ndim <= coil_axis < data.ndim:
        raise UserError(f"coil_axis={coil_axis} is no axis of k-space of shape {data.shape}")
    data = np.moveaxis(data, coil_axis, -3)
    return data.reshape(-1, *data.shape[-3:])


def maps_of(
    sensitivities: np.ndarray, data: np.ndarray, coil_axis: int | None, shape: tuple[int, ...]
) -> np.ndarray:
    """Sensitivity maps [S, C, H, W], for each slice or once for all; axes as the data's."""
    check_finite(sensitivities, "sensitivities")
    if sensitivities.shape == data.shape:
        return coils_third_last(sensitivities, coil_axis)
    if data.ndim == 4 and coil_axis is not None:
        slices = 0 if coil_axis % 4 else 1  # the axis of slices
        if sensitivities.shape == data.shape[:slices] + data.shape[slices + 1 :]:
            once = np.expand_dims(sensitivities, slices)
            return np.broadcast_to(coils_third_last(once, coil_axis), shape)
    if sensitivities.shape == shape[1:]:
        return np.broadcast_to(sensitivities, shape)
    raise UserError(
        f"sensitivities of shape {sensitivities.shape} fit neither k-space of shape {data.shape} "
        f"nor its coils {shape[1:]}"
    )


def sampled_points(kspace: np.ndarray) -> np.ndarray:
    """The masks [S, H, W] of k-space [S, C, H, W] by its zeros; a blank slice has all slices'."""
    masks = np.stack([recognize_kspace(coils) for coils in kspace])
    blank = ~masks.any(axis=(1, 2))
    masks[blank] = recognize_kspace(kspace)
    return masks


def full_mask(mask: np.ndarray, slices: int, shape: tuple[int, ...]) -> np.ndarray:
    """The masks [S, H, W] of all slices; one that cannot be a mask is a UserError."""
    mask = np.asarray(mask)
    check_finite(mask, "the mask")
    if not np.isin(mask, (0, 1)).all():
        wrong = mask[~np.isin(mask, (0, 1))].flat[0]
        raise UserError(
            f"the mask holds {wrong:g}; a mask has 1 where it was sampled and 0 elsewhere"
        )
    full = (slices, *shape)
    if mask.ndim == 3 and len(mask) != slices:
        raise UserError(f"{len(mask)} masks of shape {mask.shape} do not fit {slices} slices")
    try:
        masks = np.broadcast_to(mask.astype(np.float32), full)
    except ValueError:
        raise UserError(f"a mask of shape {mask.shape} does not fit data of {shape}") from None
    if not masks.any(axis=(1, 2)).all():
        raise UserError("the mask is 0 everywhere: nothing was sampled")
    return masks


def same_mask(masks: np.ndarray) -> list[np.ndarray]:
    """The indices of slices with the same mask, mask by mask."""
    if all(masks.strides[0] == 0 or np.array_equal(mask, masks[0]) for mask in masks[1:]):
        return [np.arange(len(masks))]
    groups: dict[bytes, list[int]] = {}
    for i, mask in enumerate(masks):
        groups.setdefault(np.packbits(mask > 0).tobytes(), []).append(i)
    return [np.asarray(members) for members in groups.values()]
