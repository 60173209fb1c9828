"""Artifacts of a scan, simulated in k-space: `add_artifact(name, kspace, severity, rng)`.

k-space is centered, [..., H, W]; the phase-encoding direction is the last axis, and its lines are
acquired in order. Severity runs from 0, no artifact, to 1, a scan that would be repeated.
"""

from collections.abc import Callable

import numpy as np

from mript_jax.errors import UserError, unknown_name_error
from mript_jax.physics.fourier import fft2c, ifft2c

Artifact = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def add_artifact(
    name: str, kspace: np.ndarray, severity: float, rng: np.random.Generator
) -> np.ndarray:
    """Return k-space [..., H, W], complex64, corrupted by an artifact; at severity 0 the input."""
    if name not in ARTIFACTS:
        raise unknown_name_error("artifact", name, ARTIFACTS)
    if not 0 <= severity <= 1:
        raise UserError(f"severity {severity} of artifact {name!r} must be between 0 and 1")
    if severity == 0:
        return kspace
    return ARTIFACTS[name](kspace, severity, rng).astype(np.complex64)


def rigid_motion(kspace: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Shift the object by up to 8 pixels between shots of 16 lines each."""
    y, x = _frequencies(kspace.shape)
    shots = np.arange(kspace.shape[-1]) // 16
    down, right = rng.uniform(-8, 8, (2, shots[-1] + 1)) * severity
    return kspace * np.exp(-2j * np.pi * (y * down[shots] + x * right[shots]))


def ghosting(kspace: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Modulate magnitude and phase of the lines by breathing: ghosts at even distances."""
    period, start = rng.uniform(3, 9), rng.uniform(0, 2 * np.pi)
    breath = np.sin(2 * np.pi * np.arange(kspace.shape[-1]) / period + start)
    return kspace * (1 + 0.5 * severity * breath) * np.exp(0.5j * np.pi * severity * breath)


def off_resonance(kspace: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Shift the image along the readout by up to 8 pixels, and fat by twice as many."""
    y, _ = _frequencies(kspace.shape)
    image = ifft2c(kspace)
    bright = np.abs(image) > np.quantile(np.abs(image), 0.9, axis=(-2, -1), keepdims=True)
    shift = 8 * severity * rng.choice([-1, 1])
    fat = fft2c(np.where(bright, image, 0))
    return (kspace - fat) * np.exp(-2j * np.pi * y * shift) + fat * np.exp(-4j * np.pi * y * shift)


def susceptibility(kspace: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Displace the image near a spot along the readout by up to a tenth of its height."""
    image = ifft2c(kspace)
    H, W = image.shape[-2:]
    near, (y, _) = _near_a_spot((H, W), 0.15, rng)
    rows = np.clip(y + 0.1 * severity * H * near, 0, H - 1)
    low = np.floor(rows).astype(int)
    part = rows - low
    columns = np.arange(W)
    moved = (1 - part) * image[..., low, columns]
    return fft2c(moved + part * image[..., np.minimum(low + 1, H - 1), columns])


def metal(kspace: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Remove the signal around a spot and raise it at the spot's border."""
    image = ifft2c(kspace)
    H, W = image.shape[-2:]
    near, _ = _near_a_spot((H, W), 0.03 + 0.09 * severity, rng)
    border = np.exp(-(((near - 0.4) / 0.1) ** 2))
    return fft2c(image * (1 - severity * (near > 0.5)) * (1 + severity * border))


def spikes(kspace: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Add spikes as strong as the center of k-space at up to 8 points."""
    kspace = kspace.copy()
    H, W = kspace.shape[-2:]
    strongest = severity * np.abs(kspace).max(axis=(-2, -1))
    for _ in range(int(np.ceil(8 * severity))):
        row, column = rng.integers(H), rng.integers(W)
        kspace[..., row, column] += strongest * np.exp(2j * np.pi * rng.random())
    return kspace


def gradient_delay(kspace: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Shift every other line along the readout by up to 2 points: Nyquist (N/2) ghosts."""
    delay = 2 * severity * rng.choice([-1, 1])
    H = kspace.shape[-2]
    ramp = np.exp(2j * np.pi * delay * (np.arange(H) - H // 2) / H)[:, None]
    hybrid = np.fft.ifftshift(kspace, axes=-2)
    hybrid = np.fft.fftshift(np.fft.ifft(hybrid, axis=-2), axes=-2) * ramp
    shifted = np.fft.fft(np.fft.ifftshift(hybrid, axes=-2), axis=-2)
    shifted = np.fft.fftshift(shifted, axes=-2)
    return np.where(np.arange(kspace.shape[-1]) % 2 == 1, shifted, kspace)


def coil_dropout(kspace: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Attenuate one coil of [C, H, W], or one side of the image of a single coil."""
    if kspace.ndim > 2 and kspace.shape[-3] > 1:
        lost = np.arange(kspace.shape[-3]) == rng.integers(kspace.shape[-3])
        return kspace * (1 - severity * lost)[:, None, None]
    image = ifft2c(kspace)
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in image.shape[-2:]), indexing="ij")
    side = 1 / (1 + np.exp(-4 * (x * np.cos(angle) + y * np.sin(angle))))
    return fft2c(image * (1 - severity * side))


ARTIFACTS: dict[str, Artifact] = {
    "rigid_motion": rigid_motion,
    "ghosting": ghosting,
    "off_resonance": off_resonance,
    "susceptibility": susceptibility,
    "metal": metal,
    "spikes": spikes,
    "gradient_delay": gradient_delay,
    "coil_dropout": coil_dropout,
}


def _frequencies(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Cycles per pixel of each row [H, 1] and each column [W] of centered k-space."""
    H, W = shape[-2:]
    return ((np.arange(H) - H // 2) / H)[:, None], (np.arange(W) - W // 2) / W


def _near_a_spot(
    shape: tuple[int, int], radius: float, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """A Gaussian bump [H, W] with maximum 1 near the middle, and the pixel coordinates."""
    y, x = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    center = [rng.uniform(0.35, 0.65) * n for n in shape]
    distance = np.hypot(y - center[0], x - center[1]) / (radius * min(shape))
    return np.exp(-0.7 * distance**2), (y, x)
