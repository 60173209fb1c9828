"""What MR-IPT knows of the sampling: which heads and tails serve it, and the decoder's tokens.

`TablePrompt` is the paper's: a head for each task, a vector for each level and each pattern.
`ContinuousPrompt` describes the sampling by numbers and by its density, so that what was never
trained on needs no nearest label: heads of neighbouring levels are blended, and those of the
patterns by how the mask looks.
"""

import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.errors import UserError
from mript_jax.models.layers import Mlp
from mript_jax.physics.tasks import head_index

BINS = 16  # of a density profile, from the center of k-space outwards
LAGS = 16  # of the lines' autocorrelation: it shows regular spacing
LARGEST_LOG = np.log(16.0)  # log of an acceleration, brought to about 0 ... 1


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
        """The heads' index [B] and the tokens [B, 2, C]; the numbers play no part."""
        normal = nn.initializers.normal(1.0)
        levels = self.param("levels", normal, (self.num_levels, self.width))
        patterns = self.param("patterns", normal, (self.num_patterns, self.width))
        chosen = ((levels, level_index), (patterns, pattern_index))
        tokens = jnp.stack([jnp.take(table, i, axis=0) for table, i in chosen], axis=1)
        return head_index(self.mode, pattern_index, level_index, self.num_levels), tokens


class ContinuousPrompt(nn.Module):
    """Weights of all heads, and tokens made from the numbers and the density of the sampling."""

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
        """The heads' weights [B, heads] and the tokens [B, 3, C]; the labels play no part."""
        if acceleration is None or center_fraction is None or mask is None:
            raise UserError("prompt='continuous' needs acceleration, center_fraction and mask")
        if len(self.accelerations) != self.num_levels or not _ascend(self.accelerations):
            raise UserError(
                f"config.model.accelerations={self.accelerations} must be num_levels="
                f"{self.num_levels} ascending numbers"
            )
        lines, radial = line_profiles(mask), radial_profile(mask)
        numbers = smooth_features(acceleration, center_fraction)
        described = {"numbers": numbers, "lines": lines, "radial": radial}
        tokens = [self._token(x, name) for name, x in described.items()]

        looks = nn.gelu(nn.Dense(32, name="pattern_in")(jnp.concatenate([lines, radial], axis=-1)))
        patterns = nn.softmax(nn.Dense(self.num_patterns, name="pattern_out")(looks))
        levels = level_weights(acceleration, self.accelerations)
        both = (patterns[:, :, None] * levels[:, None, :]).reshape(len(patterns), -1)
        weights = {"type": patterns, "level": levels, "split": both}[self.mode]
        return weights, jnp.stack(tokens, axis=1)

    def _token(self, x: jax.Array, name: str) -> jax.Array:
        x = nn.Dense(self.width, name=f"{name}_in")(x)
        return Mlp(self.width, name=f"{name}_mlp")(nn.gelu(x))


PROMPTS: dict[str, type[nn.Module]] = {"table": TablePrompt, "continuous": ContinuousPrompt}


def level_weights(acceleration: jax.Array, accelerations: tuple[float, ...]) -> jax.Array:
    """Weights [B, L] of the levels: linear in log R between neighbours, the nearest beyond."""
    at, levels = jnp.log(acceleration), np.log(accelerations)
    weights = [jnp.interp(at, levels, one_hot) for one_hot in np.eye(len(levels))]
    return jnp.stack(weights, axis=-1)


def smooth_features(acceleration: jax.Array, center_fraction: jax.Array) -> jax.Array:
    """Slow functions of log R and of the center fraction's square root: [B, 12]."""
    features = []
    for x in (jnp.log(acceleration) / LARGEST_LOG, jnp.sqrt(center_fraction)):
        features += [x, jnp.square(x)]
        features += [f(k * jnp.pi * x) for k in (1, 2) for f in (jnp.sin, jnp.cos)]
    return jnp.stack(features, axis=-1)


def line_profiles(mask: jax.Array) -> jax.Array:
    """For rows and for columns: density from the center outwards, and autocorrelation."""
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
    """Density from the center of k-space outwards, [B, BINS]."""
    H, W = mask.shape[1:]
    y, x = ((np.arange(n) - n // 2) / (n / 2) for n in (H, W))
    radius = np.hypot(y[:, None], x) / np.sqrt(2)
    return mask.reshape(-1, H * W) @ _bins(radius.reshape(-1))


def _ascend(numbers: tuple[float, ...]) -> bool:
    return all(a < b for a, b in itertools.pairwise(numbers))


def _bins(position: np.ndarray) -> np.ndarray:
    """[n, BINS]: averages of what lies near each of BINS places from 0 to 1; no bin is empty."""
    places = np.linspace(0, 1, BINS)
    nearness = np.maximum(1 - np.abs(position[:, None] - places) * (BINS - 1), 1e-6)
    return (nearness / nearness.sum(axis=0)).astype(np.float32)
