"""A network of two numbers, for tests of what training does with any network."""

from typing import ClassVar

import flax.linen as nn

from mript_jax.models.base import ReconstructionModel


class Quick(ReconstructionModel):
    """The image times a gain, plus a shift that is not trained though it has a gradient."""

    dtype: str = "float32"
    non_trainable: ClassVar = ("shift",)

    @nn.compact
    def predict(self, batch, train=False):
        gain, shift = (self.param(name, nn.initializers.ones, ()) for name in ("gain", "shift"))
        return gain * batch["zero_filled"] + 0.01 * shift
