"""MR-IPT's prompt: from the task, the choice of heads and tails and the tokens of the decoder."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mript_jax.physics.tasks import head_index


class Prompt(nn.Module):
    """One head for each task, and a learned vector for its level and for its pattern."""

    mode: str
    num_patterns: int
    num_levels: int
    width: int

    @nn.compact
    def __call__(
        self, pattern_index: jax.Array, level_index: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Tasks [B] -> the index of their heads [B] and their tokens [B, 2, C]."""
        normal = nn.initializers.normal(1.0)
        levels = self.param("levels", normal, (self.num_levels, self.width))
        patterns = self.param("patterns", normal, (self.num_patterns, self.width))
        chosen = ((levels, level_index), (patterns, pattern_index))
        tokens = jnp.stack([jnp.take(table, i, axis=0) for table, i in chosen], axis=1)
        return head_index(self.mode, pattern_index, level_index, self.num_levels), tokens
