"""Measured samples in two parts, for training without a reference (SSDU, Yaman et al. 2020)."""

import numpy as np

from mript_jax.physics.masks import center_width

HELD_OUT = 0.4  # share of the samples outside the autocalibration region


def split_samples(
    mask: np.ndarray, rng: np.random.Generator, share: float = HELD_OUT
) -> tuple[np.ndarray, np.ndarray]:
    """Two disjoint masks [H, W] whose sum is `mask`: for data consistency, and for the loss.

    `share` of what is sampled outside the autocalibration region is held out for the loss: whole
    lines of a mask of lines, which stays one, else points.
    """
    sampled = np.asarray(mask) > 0
    if (sampled == sampled[:1]).all():
        free = sampled[0] & ~_center(sampled, 1)[0]
        held = np.broadcast_to(_draw(free, rng, share), sampled.shape)
    elif (sampled == sampled[:, :1]).all():
        kept, held = split_samples(sampled.T, rng, share)
        return kept.T, held.T
    else:
        held = _draw(sampled & ~_center(sampled, 2), rng, share)
    return (sampled & ~held).astype(np.float32), held.astype(np.float32)


def _center(sampled: np.ndarray, axes: int) -> np.ndarray:
    """The autocalibration region, of whole lines (1) or a rectangle (2), of a mask [H, W]."""
    H, W = sampled.shape
    width = center_width(sampled)
    height = H if axes == 1 else -(-width * H // W)
    inside = np.zeros_like(sampled)
    top, left = (H - height + 1) // 2, (W - width + 1) // 2
    inside[top : top + height, left : left + width] = True
    return inside


def _draw(free: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    """True at `share` of the places that are free."""
    places = np.flatnonzero(free)
    chosen = np.zeros(free.size, bool)
    chosen[rng.choice(places, round(share * len(places)), replace=False)] = True
    return chosen.reshape(free.shape)
