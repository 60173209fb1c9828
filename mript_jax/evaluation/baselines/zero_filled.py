"""The zero-filled image: the start of every method, and its lower bound."""

import jax

from mript_jax.batch import Batch
from mript_jax.physics.tasks import Task


def zero_filled(batch: Batch, task: Task) -> jax.Array:
    """The zero-filled image as it is, [B, H, W, 1]."""
    return batch["zero_filled"]
