"""MR-IPT's prompt: from the task, the choice of heads and tails and the tokens of the decoder.

`TablePrompt` is the paper's: a head for each task, a vector for each level and each pattern.
`ContinuousPrompt` describes the sampling by numbers and by its density, so that it also applies to
untrained accelerations and patterns: heads of neighbouring levels are blended by the acceleration,
those of patterns by features of the mask.
"""

import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.errors import UserError
from mript_jax.models.layers import Mlp
from mript_jax.physics.tasks import head_index

BINS = 16  # of a density profile, from the center of k-space to its edge
LAGS = 16  # of the autocorrelation of lines, which shows regular spacing
LARGEST_LOG = np.log(16.0)  # scales log R to about 0 ... 1


class TablePrompt(nn.Module):
    """One head for each task, and a learned vector for its level and for its pattern."""

    mode: str
    num_patterns: int
    num_levels: int
    accelerations: tuple[float, ...]
    width: int

    @nn.compact
    def __call__(
        self,
        pattern_index: jax.Array,
        level_index: jax.Array,
        acceleration: jax.Array | None,
        center_fraction: jax.Array | None,
        mask: jax.Array | None,
    ) -> tuple[jax.Array, jax.Array]:
        """The index of the heads [B] and the tokens [B, 2, C]; only the indices are used."""
        normal = nn.initializers.normal(1.0)
        levels = self.param("levels", normal, (self.num_levels, self.width))
        patterns = self.param("patterns", normal, (self.num_patterns, self.width))
        chosen = ((levels, level_index), (patterns, pattern_index))
        tokens = jnp.stack([jnp.take(table, i, axis=0) for table, i in chosen], axis=1)
        return head_index(self.mode, pattern_index, level_index, self.num_levels), tokens


class ContinuousPrompt(nn.Module):
    """Weights of all heads, and tokens from acceleration, center fraction and sampling density."""

    mode: str
    num_patterns: int
    num_levels: int
    accelerations: tuple[float, ...]
    width: int

    @nn.compact
    def __call__(
        self,
        pattern_index: jax.Array,
        level_index: jax.Array,
        acceleration: jax.Array | None,
        center_fraction: jax.Array | None,
        mask: jax.Array | None,
    ) -> tuple[jax.Array, jax.Array]:
        """The weights of the heads [B, heads] and the tokens [B, 3, C]; indices are not used."""
        if acceleration is None or center_fraction is None or mask is None:
            raise UserError("prompt='continuous' needs acceleration, center_fraction and mask")
        if len(self.accelerations) != self.num_levels or not _is_ascending(self.accelerations):
            raise UserError(
                f"config.model.accelerations={self.accelerations} must be num_levels="
                f"{self.num_levels} ascending numbers"
            )
        lines, radial = line_profiles(mask), radial_profile(mask)
        numbers = smooth_features(acceleration, center_fraction)
        features = {"numbers": numbers, "lines": lines, "radial": radial}
        tokens = [self._token(x, name) for name, x in features.items()]

        profiles = jnp.concatenate([lines, radial], axis=-1)
        hidden = nn.gelu(nn.Dense(32, name="pattern_in")(profiles))
        patterns = nn.softmax(nn.Dense(self.num_patterns, name="pattern_out")(hidden))
        levels = level_weights(acceleration, self.accelerations)
        both = (patterns[:, :, None] * levels[:, None, :]).reshape(patterns.shape[0], -1)
        weights = {"type": patterns, "level": levels, "split": both}[self.mode]
        return weights, jnp.stack(tokens, axis=1)

    def _token(self, x: jax.Array, name: str) -> jax.Array:
        x = nn.Dense(self.width, name=f"{name}_in")(x)
        return Mlp(self.width, name=f"{name}_mlp")(nn.gelu(x))


PROMPTS: dict[str, type[nn.Module]] = {"table": TablePrompt, "continuous": ContinuousPrompt}


def level_weights(acceleration: jax.Array, accelerations: tuple[float, ...]) -> jax.Array:
    """Interpolation weights [B, L] of the levels: linear in log R, clamped at both ends."""
    log_r, levels = jnp.log(acceleration), np.log(accelerations)
    weights = [jnp.interp(log_r, levels, one_hot) for one_hot in np.eye(len(levels))]
    return jnp.stack(weights, axis=-1)


def smooth_features(acceleration: jax.Array, center_fraction: jax.Array) -> jax.Array:
    """Polynomials and Fourier features of log R and sqrt(center fraction): [B, 12]."""
    features = []
    for x in (jnp.log(acceleration) / LARGEST_LOG, jnp.sqrt(center_fraction)):
        features += [x, jnp.square(x)]
        features += [f(k * jnp.pi * x) for k in (1, 2) for f in (jnp.sin, jnp.cos)]
    return jnp.stack(features, axis=-1)


def line_profiles(mask: jax.Array) -> jax.Array:
    """Density from center to edge, and autocorrelation, of the columns and rows of masks."""
    profiles = []
    for other in (2, 1):
        density = mask.mean(axis=other)  # [B, lines]
        n = density.shape[1]
        profiles.append(density @ _bins(np.abs(np.arange(n) - n // 2) / (n / 2)))
        around = density - density.mean(axis=1, keepdims=True)
        variance = jnp.sum(jnp.square(around), axis=1) + 1e-6
        shifted = [jnp.sum(around[:, k:] * around[:, :-k], axis=1) for k in range(1, LAGS + 1)]
        profiles.append(jnp.stack(shifted, axis=-1) / variance[:, None])
    return jnp.concatenate(profiles, axis=-1)  # [B, 2 * (BINS + LAGS)]


def radial_profile(mask: jax.Array) -> jax.Array:
    """Radial sampling density of masks, from the center to the corners: [B, H, W] -> [B, BINS]."""
    H, W = mask.shape[1:]
    y, x = ((np.arange(n) - n // 2) / (n / 2) for n in (H, W))
    radius = np.hypot(y[:, None], x) / np.sqrt(2)
    return mask.reshape(-1, H * W) @ _bins(radius.reshape(-1))


def _is_ascending(numbers: tuple[float, ...]) -> bool:
    return all(a < b for a, b in itertools.pairwise(numbers))


def _bins(position: np.ndarray) -> np.ndarray:
    """Weights [n, BINS] of local averages at BINS positions from 0 to 1; no bin is empty."""
    places = np.linspace(0, 1, BINS)
    nearness = np.maximum(1 - np.abs(position[:, None] - places) * (BINS - 1), 1e-6)
    return (nearness / nearness.sum(axis=0)).astype(np.float32)
