"""Variable-density Poisson disc sampling: random points with a minimum distance."""

import functools

import numpy as np

from mript_jax.physics.patterns.center import center_rectangle

FALLOFF = 0.3  # density halves at this radius (the edge of k-space is at 1)
PACKING = 0.45  # points within a disc of the distance around each, over its area; full is 0.7


def poisson_disc(
    shape: tuple[int, int], acceleration: float, center_fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Random points whose minimum distance grows outwards, plus a center rectangle.

    The number of points is exactly that of the acceleration.
    """
    H, W = shape
    mask = np.zeros(shape, np.float32)
    mask[center_rectangle(shape, acceleration, center_fraction)] = 1.0
    mask[H // 2, W // 2] = 1.0
    count = max(round(H * W / acceleration - mask.sum()), 0)
    if count == 0:
        return mask
    free = rng.permutation(np.flatnonzero(mask == 0))
    density = _density(shape).ravel()[free]
    reach = np.ceil(PACKING / _scaled(density, count)).astype(int) - 1  # squared distance kept
    mask.ravel()[_throw_darts(free, reach, count, shape)] = 1.0
    return mask


@functools.lru_cache(maxsize=8)
def _density(shape: tuple[int, int]) -> np.ndarray:
    y, x = ((np.arange(n) - n // 2) / (n / 2) for n in shape)
    density = 1 / (1 + (y[:, None] ** 2 + x**2) / FALLOFF**2)
    density.flags.writeable = False
    return density


def _scaled(density: np.ndarray, count: int) -> np.ndarray:
    """The density scaled so that it adds up to `count`, clipped at 1."""
    low, high = 0.0, 1 / density.min()
    for _ in range(20):
        middle = (low + high) / 2
        if np.minimum(middle * density, 1).sum() < count:
            low = middle
        else:
            high = middle
    return np.minimum(high * density, 1)


def _throw_darts(
    free: np.ndarray, reach: np.ndarray, count: int, shape: tuple[int, int]
) -> np.ndarray:
    """Dart throwing: the first `count` of the points `free`, in order, that keep their distance.

    A plain loop over bytes: each accepted point blocks its disc. If too few points remain, blocked
    ones are taken as well.
    """
    margin = int(np.sqrt(reach.max())) + 1
    width = shape[1] + 2 * margin
    rows, columns = np.divmod(free, shape[1])
    padded = (rows + margin) * width + columns + margin
    discs = [_disc(k, width) for k in range(reach.max() + 1)]
    blocked = bytearray((shape[0] + 2 * margin) * width)
    accepted = []
    for number, (point, k) in enumerate(zip(padded.tolist(), reach.tolist(), strict=True)):
        if not blocked[point]:
            accepted.append(number)
            if len(accepted) == count:
                break
            for offset in discs[k]:
                blocked[point + offset] = 1
    chosen = np.zeros(len(free), bool)
    chosen[accepted] = True
    rest = np.flatnonzero(~chosen)[: count - len(accepted)]
    return free[np.concatenate([np.flatnonzero(chosen), rest])]


def _disc(squared: int, width: int) -> tuple[int, ...]:
    """Flat offsets of the points within a squared distance."""
    r = int(np.sqrt(squared))
    return tuple(
        dy * width + dx
        for dy in range(-r, r + 1)
        for dx in range(-r, r + 1)
        if 0 < dy * dy + dx * dx <= squared
    )
