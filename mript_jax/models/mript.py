"""MR-IPT (arXiv 2405.15098): heads and tails per task around a shared ViT with a task prompt."""

from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from mript_jax.batch import Batch
from mript_jax.errors import UserError
from mript_jax.fields import field, required
from mript_jax.models.base import (
    PIXELS,
    ReconstructionModel,
    check_heads,
    dtype_field,
    iterations_field,
)
from mript_jax.models.biased_attention import FORMS
from mript_jax.models.consistency import fields_for, reconstruct
from mript_jax.models.decoder import Decoder
from mript_jax.models.encoder import REMAT, Encoder
from mript_jax.models.prompt import Prompt
from mript_jax.models.task_conv import TaskConv
from mript_jax.physics.tasks import MODES, num_heads
from mript_jax.sizes import height_width

NEAR_ZERO_INIT = nn.initializers.variance_scaling(
    1e-4, "fan_in", "truncated_normal", batch_axis=(0,)
)


def near_identity_init(
    key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32
) -> jax.Array:
    """Initial kernels that pass channel 0 through and add little of the other channels to it.

    In the first and the last convolution they make an untrained network nearly the identity.
    """
    kernel = 0.1 * nn.initializers.lecun_normal(batch_axis=(0,))(key, shape, dtype)
    middle = shape[1] // 2
    kernel = kernel.at[:, :, :, 0, 1:].multiply(10.0)  # usual scale for the other channels
    return kernel.at[:, middle, middle, 0, 0].set(1.0)


class Head(nn.Module):
    """3x3 convolution, then two residual blocks of 5x5 convolutions.

    The image passes through sums in float32 and only what is added to it is computed in `dtype`:
    bfloat16 would keep no more than 8 bits of every pixel.
    """

    count: int
    features: int
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: jax.Array, choice: jax.Array) -> jax.Array:
        def conv(size: int, name: str, dtype: DTypeLike = self.dtype, **init: Any) -> TaskConv:
            return TaskConv(self.count, self.features, size, dtype, name=name, **init)

        x = conv(3, "conv_in", jnp.float32, kernel_init=near_identity_init)(x, choice)
        for i in range(2):
            y = nn.relu(conv(5, f"residual_{i}_in")(x, choice))
            x = x + conv(5, f"residual_{i}_out", kernel_init=NEAR_ZERO_INIT)(y, choice)
        return x


class MRIPT(ReconstructionModel):
    """The MR-IPT network: zero-filled magnitude images and their tasks -> reconstructed images."""

    mode: str = required(
        "a head and a tail for each pattern (type), each level, or both (split)", choices=MODES
    )
    image_size: int | tuple[int, int] = required("size in pixels of the position tables", **PIXELS)
    patch_size: int = required("side of a token in pixels, a power of 2", at_least=1)
    features: int = required("channels at full size, in heads and tails", at_least=1)
    width: int = required("channels of a token in the encoder", at_least=1)
    depth: int = required("blocks of the encoder", at_least=1)
    heads: int = required("heads of attention in the encoder; they share the width", at_least=1)
    mlp_ratio: float = required("hidden width of the encoder's MLPs over the width", above=0)
    window: int = required("side, in tokens, of the windows of attention", at_least=1)
    global_blocks: tuple[int, ...] = required(
        "indices, from 0, of the blocks with global attention", at_least=0
    )
    decoder_depth: int = required("two-way layers between image and prompt", at_least=1)
    decoder_heads: int = required("heads of attention in these layers", at_least=1)
    decoder_mlp: int = required("hidden width of the MLPs in these layers", at_least=1)
    decoder_downsample: int = required(
        "width over that of attention between image and prompt", at_least=1
    )
    num_patterns: int = required("at least as many as config.data.patterns", at_least=1)
    num_levels: int = required("at least as many as config.data.accelerations", at_least=1)
    dtype: str = dtype_field()
    iterations: int = iterations_field()
    attention: str = field(
        "auto",
        "form of attention, see models/biased_attention.py",
        choices=("auto", *FORMS),
    )
    remat: str = field(
        "none", "rematerialization in the backward pass, see models/encoder.py", choices=REMAT
    )
    scan_blocks: bool = field(
        False, "compile the repeated encoder blocks once; with rematerialization always"
    )

    non_trainable: ClassVar[tuple[str, ...]] = ("grid_encoding/gaussian",)
    multi_coil: ClassVar[bool] = True
    takes_task: ClassVar[bool] = True

    def validate(self) -> None:
        check_heads(self.width, self.heads)
        if self.patch_size & (self.patch_size - 1):
            raise UserError(f"config.model.patch_size={self.patch_size} must be a power of 2")
        if any(not 0 <= i < self.depth for i in self.global_blocks):
            raise UserError(
                f"config.model.global_blocks={self.global_blocks} must be numbers of blocks: "
                f"0 to {self.depth - 1}"
            )
        width = self.features * self.patch_size
        for name, share in (("decoder_heads", 1), ("decoder_downsample", self.decoder_heads)):
            parts = getattr(self, name) * share
            if width % parts:
                raise UserError(
                    f"config.model.{name}={getattr(self, name)} does not fit a decoder of width "
                    f"features * patch_size = {width}, which must be a multiple of {parts}"
                )

    @nn.compact
    def __call__(
        self, zero_filled: jax.Array, pattern_index: jax.Array, level_index: jax.Array
    ) -> jax.Array:
        """Images [B, H, W, 1] and tasks [B] -> [B, H, W, 1], float32."""
        dtype = jnp.dtype(self.dtype)
        size = height_width(self.image_size)
        H, W = zero_filled.shape[1:3]
        bottom, right = -H % self.patch_size, -W % self.patch_size
        zero_filled = jnp.pad(zero_filled, ((0, 0), (0, bottom), (0, right), (0, 0)))
        C = self.features * self.patch_size
        count = num_heads(self.mode, self.num_patterns, self.num_levels)
        prompt = Prompt(self.mode, self.num_patterns, self.num_levels, C, name="prompt")
        choice, prompt_tokens = prompt(pattern_index, level_index)
        head = Head(count, self.features, dtype, name="head")
        features = head(zero_filled, choice)  # [B, H, W, F]
        tokens = Encoder(
            grid=(size[0] // self.patch_size, size[1] // self.patch_size),
            patch=self.patch_size,
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            mlp_ratio=self.mlp_ratio,
            window=self.window,
            global_blocks=tuple(self.global_blocks),
            out_width=C,
            dtype=dtype,
            attention=self.attention,
            remat=self.remat,
            scan_blocks=self.scan_blocks,
            name="encoder",
        )(features.astype(dtype))  # [B, h, w, C]
        decoded = Decoder(
            depth=self.decoder_depth,
            heads=self.decoder_heads,
            hidden=self.decoder_mlp,
            downsample=self.decoder_downsample,
            stages=self.patch_size.bit_length() - 1,
            dtype=dtype,
            name="decoder",
        )(tokens, prompt_tokens)  # [B, H, W, F]
        tail = TaskConv(count, 1, 3, jnp.float32, kernel_init=near_identity_init, name="tail")
        return tail(decoded + features, choice)[:, :H, :W]

    def batch_fields(self) -> tuple[str, ...]:
        return fields_for(self.iterations)

    def predict(self, batch: Batch, train: bool = False) -> jax.Array:
        task = batch["pattern_index"], batch["level_index"]
        return reconstruct(lambda image: self(image, *task), batch, self.iterations)
