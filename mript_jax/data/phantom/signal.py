"""The signal of a tissue in three pulse sequences (times in ms, flip angle in degrees)."""

from collections.abc import Callable

import numpy as np

from mript_jax.data.phantom.tissues import Tissue


def spin_echo(tissue: Tissue, tr: float, te: float) -> float:
    """density (1 - exp(-TR/T1)) exp(-TE/T2)"""
    return tissue.density * (1 - np.exp(-tr / tissue.t1)) * np.exp(-te / tissue.t2)


def gradient_echo(tissue: Tissue, tr: float, te: float, flip: float) -> float:
    """The steady state of spoiled gradient echoes (FLASH), with T2* taken as 0.6 T2."""
    angle, decay = np.deg2rad(flip), np.exp(-tr / tissue.t1)
    steady = np.sin(angle) * (1 - decay) / (1 - np.cos(angle) * decay)
    return tissue.density * steady * np.exp(-te / (0.6 * tissue.t2))


def inversion_recovery(tissue: Tissue, tr: float, te: float, ti: float) -> float:
    """|density (1 - 2 exp(-TI/T1) + exp(-TR/T1)) exp(-TE/T2)|"""
    recovered = 1 - 2 * np.exp(-ti / tissue.t1) + np.exp(-tr / tissue.t1)
    return tissue.density * abs(recovered) * np.exp(-te / tissue.t2)


SEQUENCES: dict[str, Callable[..., float]] = {
    "spin_echo": spin_echo,
    "gradient_echo": gradient_echo,
    "inversion_recovery": inversion_recovery,
}

# name: (sequence, ranges of its parameters)
CONTRASTS: dict[str, tuple[str, dict[str, tuple[float, float]]]] = {
    "t1": ("spin_echo", {"tr": (400, 700), "te": (8, 15)}),
    "t2": ("spin_echo", {"tr": (3000, 6000), "te": (80, 115)}),
    "pd": ("spin_echo", {"tr": (2200, 4000), "te": (20, 35)}),
    "flash": ("gradient_echo", {"tr": (15, 200), "te": (2, 6), "flip": (15, 70)}),
    "mprage": ("inversion_recovery", {"tr": (2200, 2800), "te": (2, 4), "ti": (850, 1100)}),
    "flair": ("inversion_recovery", {"tr": (8000, 10000), "te": (85, 125), "ti": (2250, 2550)}),
    "stir": ("inversion_recovery", {"tr": (3500, 5000), "te": (30, 60), "ti": (140, 170)}),
}


def draw_contrast(name: str, rng: np.random.Generator) -> tuple[str, dict[str, float]]:
    """A sequence and its parameters, within the ranges of a contrast."""
    sequence, ranges = CONTRASTS[name]
    return sequence, {key: float(rng.uniform(*span)) for key, span in ranges.items()}
