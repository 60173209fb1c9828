"""Recognition of the task of a zero-filled magnitude image from its spectrum.

The object is nearly real, so the spectrum of the magnitude combines each point of k-space with its
mirror image: the energy is high where both were sampled, lower where one was, and a floor where
none was. A task gives the probability of each case. The floor is a smooth curve over k-space.
Curve, contrast and noise are fitted by expectation maximisation, and the task of the highest
likelihood is chosen.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mript_jax.physics.fourier import fft2c
from mript_jax.physics.masks import draw_mask, sample_mask
from mript_jax.physics.patterns.center import center_block
from mript_jax.physics.patterns.gaussian import CELL_1D, CELL_2D, cell_of, chance_1d, chance_2d
from mript_jax.physics.recognition.mask import RecognizedMask
from mript_jax.physics.tasks import TASKS, Task

READOUT = (0.1, 0.55)  # readout frequencies (edge: 1) over which the energy of a line is averaged
CONTRASTS = 2.0 ** np.arange(8)[:, None]  # energy where both points were sampled, over the floor
SURPRISE = 0.01  # least probability of each case
LEAST_NOISE = 0.07  # of the log amplitude
STEPS = 12  # of expectation maximisation
ENOUGH = 0.05  # gain in log likelihood per place above which an image counts as undersampled


class Spectrum(NamedTuple):
    """Log amplitudes at places in one half of k-space, and basis curves of the smooth floor."""

    values: np.ndarray  # [N]
    curves: np.ndarray  # [N, K]


def recognize_image(image: np.ndarray, tasks: Sequence[Task] = TASKS) -> RecognizedMask:
    """The most likely of `tasks` for a zero-filled magnitude image [H, W].

    Only the patterns of `LINE_CHANCES` and `gaussian_2d` are considered. An image without signs of
    undersampling is reported as fully sampled.
    """
    kspace = np.abs(fft2c(np.asarray(image, np.float32)))
    found = []
    if kspace.any():
        for axis, rotated in ((-1, kspace), (-2, kspace.T)):
            found += [(g, t, axis) for g, t in _gains_of_lines(rotated, tasks)]
        found += [(g, t, -1) for g, t in _gains_of_squares(kspace, tasks)]
    gain, task, axis = max(found, key=lambda entry: entry[0], default=(0.0, None, -1))
    if task is None or gain < ENOUGH:
        return RecognizedMask(
            "cartesian_random",
            acceleration=1.0,
            true_acceleration=1.0,
            center_fraction=1.0,
            center_lines=image.shape[1],
            axis=-1,
        )
    typical = draw_mask(
        task.pattern, image.shape, task.acceleration, task.center_fraction, seed=0, axis=axis
    )
    return RecognizedMask(
        task.pattern,
        acceleration=task.acceleration,
        true_acceleration=typical.true_acceleration,
        center_fraction=task.center_fraction,
        center_lines=typical.center_lines,
        axis=axis,
    )


def _random_columns(width: int, task: Task) -> np.ndarray:
    start, low = center_block(width, task.center_fraction)
    chance = np.full(width, max(width / task.acceleration - low, 0) / max(width - low, 1))
    chance[start : start + low] = 1.0
    return chance


def _equispaced_columns(width: int, task: Task) -> np.ndarray:
    numbers = (task.acceleration, task.center_fraction)
    return sample_mask("cartesian_equispaced", (1, width), *numbers, seed=0)[0]


def _gaussian_columns(width: int, task: Task) -> np.ndarray:
    pairs = chance_1d(width, task.acceleration, task.center_fraction)
    return pairs[cell_of(width, CELL_1D)]


# (width, task) -> the probability that each column is sampled
LINE_CHANCES = {
    "cartesian_random": _random_columns,
    "fastmri_random": _random_columns,
    "cartesian_equispaced": _equispaced_columns,
    "gaussian_1d": _gaussian_columns,
}


def _gains_of_lines(kspace: np.ndarray, tasks: Sequence[Task]) -> list[tuple[float, Task]]:
    """The gain in log likelihood of each task of whole columns over a fully sampled image."""
    H, W = kspace.shape
    readout = np.abs(np.arange(H) - H // 2) / (H / 2)
    rows = (readout >= READOUT[0]) & (readout < READOUT[1])
    k = np.arange(1, (W - 1) // 2 + 1)
    curves = _radial_curves(k / (W / 2))
    if len(k) < 4 * curves.shape[1] or not rows.any():
        return []
    energy = (kspace[rows] ** 2).mean(axis=0)
    spectrum = Spectrum(_log_amplitude(energy)[W // 2 + k], curves)
    gains = []
    for task in tasks:
        if task.pattern in LINE_CHANCES:
            chance = LINE_CHANCES[task.pattern](W, task)
            gains.append((_gain(spectrum, chance[W // 2 + k], chance[W // 2 - k]), task))
    return gains


def _gains_of_squares(kspace: np.ndarray, tasks: Sequence[Task]) -> list[tuple[float, Task]]:
    """The gains of the tasks of `gaussian_2d`, over the squares that it samples."""
    members, centers = zip(*(_squares_along(n) for n in kspace.shape), strict=True)
    points = np.outer(*(member.sum(axis=1) for member in members))
    y, x = np.meshgrid(*centers, indexing="ij")
    half = (points > 0) & (points[::-1, ::-1] > 0) & (y >= 0)
    radial, angle = _radial_curves(np.hypot(y, x)[half]), np.arctan2(y, x)[half]
    around = [f(m * angle)[:, None] for m in (2, 4) for f in (np.cos, np.sin)]
    curves = np.concatenate([radial, *(radial[:, :4] * f for f in around)], axis=1)
    if half.sum() < 4 * curves.shape[1]:
        return []
    energy = members[0] @ kspace**2 @ members[1].T / np.maximum(points, 1)
    spectrum = Spectrum(_log_amplitude(energy)[half], curves)
    gains = []
    for task in tasks:
        if task.pattern == "gaussian_2d":
            chance = chance_2d(kspace.shape, task.acceleration, task.center_fraction)
            gains.append((_gain(spectrum, chance[half], chance[::-1, ::-1][half]), task))
    return gains


def _squares_along(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Membership of the points of an axis in squares [squares, size], and the squares' positions.

    Without its first point, the mirror image of a square lies in one square.
    """
    cell = cell_of(size, CELL_2D)
    not_first = np.r_[False, cell[1:] == cell[:-1]]
    member = (np.arange(cell[-1] + 1)[:, None] == cell) & not_first
    position = (np.arange(size) - size // 2) / (size / 2)
    return member.astype(np.float32), member @ position / np.maximum(member.sum(axis=1), 1)


def _log_amplitude(energy: np.ndarray) -> np.ndarray:
    return 0.5 * np.log(energy + 1e-14 * energy.max())


def _radial_curves(radius: np.ndarray) -> np.ndarray:
    """Polynomials in the logarithm of the distance from zero frequency, [N, 6]."""
    u = np.log(radius + 0.05)
    return np.polynomial.chebyshev.chebvander(2 * (u - u.min()) / np.ptp(u) - 1, 5)


def _gain(spectrum: Spectrum, chance: np.ndarray, mirrored: np.ndarray) -> float:
    """Log likelihood per place of a task, less that of a smooth spectrum.

    `chance` [N] is the probability that each place is sampled, `mirrored` [N] that of its mirror
    image.
    """
    values, curves = spectrum
    fit = curves @ np.linalg.pinv(curves)  # [N, N]: projects on smooth curves
    none, both = (1 - chance) * (1 - mirrored), chance * mirrored
    prior = np.stack([none, 1 - none - both, both])  # [3, N]
    prior = SURPRISE + (1 - 3 * SURPRISE) * prior
    # Half of the amplitude is a quarter of the energy.
    steps = 0.5 * np.log1p(CONTRASTS * np.array([0.0, 0.25, 1.0]))[:, :, None]  # [contrasts, 3, 1]
    expected, noise = (prior * steps).sum(axis=1), np.full((len(CONTRASTS), 1, 1), 0.25)
    for _ in range(STEPS):
        floor = (values - expected) @ fit.T  # [contrasts, N]
        error = values - floor[:, None] - steps  # [contrasts, 3, N]
        joint = prior * np.exp(-0.5 * (error / noise) ** 2) / noise + 1e-30
        density = joint.sum(axis=1)
        share = joint / density[:, None]
        noise = np.sqrt((share * error**2).sum(axis=1).mean(axis=-1))
        noise = np.maximum(noise, LEAST_NOISE)[:, None, None]
        expected = (share * steps).sum(axis=1)
    smooth_error = values - fit @ values
    smooth_noise = max(smooth_error.std(), LEAST_NOISE)
    smooth = -np.log(smooth_noise) - 0.5 * (smooth_error.std() / smooth_noise) ** 2
    return float(np.log(density).mean(axis=1).max() - smooth)
