"""What every method starts from, and has to beat."""

from collections.abc import Mapping

import jax


def zero_filled(batch: Mapping[str, jax.Array]) -> jax.Array:
    """The zero-filled image as it is, [B, H, W, 1]."""
    return batch["zero_filled"]
