"""SimMIM on k-space (Larsen et al. 2022): hidden parts are predicted from visible ones.

A network maps pictures with hidden tokens to pictures: an encoder with a mask token, and a decoder
of one layer. The pictures are k-space as two channels, compressed real and imaginary part, so that
the prediction is k-space again and the inverse FFT gives the MR image.
"""

import math
from typing import Any, ClassVar, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from mript_jax.batch import Batch, read_field
from mript_jax.errors import UserError
from mript_jax.fields import field, required
from mript_jax.models.base import PIXELS, ReconstructionModel, dtype_field
from mript_jax.models.consistency import absolute, single_coil
from mript_jax.models.layers import depth_to_space
from mript_jax.models.masked_vit import MaskedViT
from mript_jax.models.masking import random_cells, tokens_to_pixels, unmeasured_tokens
from mript_jax.models.swin import Swin, fit_window
from mript_jax.models.swinrec import SwinRec
from mript_jax.physics.crop import around_center
from mript_jax.physics.fourier import ifft2c
from mript_jax.physics.kspace_compression import as_channels, as_complex, compress, expand
from mript_jax.physics.kspace_picture import from_picture, kspace_picture
from mript_jax.sizes import height_width

NEAR_ZERO_INIT = nn.initializers.variance_scaling(1e-4, "fan_in", "truncated_normal")


class Prediction(NamedTuple):
    """Estimate and target of masked modelling, as pictures [B, H, W, C]."""

    estimate: jax.Array
    target: jax.Array
    hidden: jax.Array  # [B, H, W], 1 where the target was hidden from the network


class SimMIM(ReconstructionModel):
    """Masked modelling of k-space: `masked_prediction` pretrains, `predict` reconstructs images."""

    encoder: str = required("the encoder network", choices=("vit", "swin", "swinrec"))
    image_size: int | tuple[int, int] = required(
        "size in pixels of position tables and windows; other image sizes work too", **PIXELS
    )
    patch_size: int = required("side of a token in points of k-space", at_least=1)
    width: int = required("channels of a token, in the first stage", at_least=1)
    depths: tuple[int, ...] = required("blocks of each stage; a ViT has one stage", at_least=1)
    heads: tuple[int, ...] = required("heads of attention in each stage", at_least=1)
    window: int = required("side of a window in tokens, in Swin and SwinRec", at_least=1)
    mlp_ratio: float = required("hidden width of the MLPs over the width", above=0)
    mask_cell: int = required(
        "side, in points of k-space, of the squares that are hidden together", at_least=1
    )
    mask_ratio: float = required("share of the squares that is hidden", at_least=0, at_most=1)
    dtype: str = dtype_field()
    masks: str = field(
        "patches",
        "hidden in pretraining: random squares, or the samples that a mask leaves out",
        choices=("patches", "sampling"),
    )
    kspace_as: str = field(
        "complex",
        "two channels of compressed k-space, or the paper's pictures (physics/kspace_picture.py)",
        choices=("complex", "rgba"),
    )
    knee: float = field(
        0.02,
        "of the compression, for images up to 1, see physics/kspace_compression.py",
        above=0,
    )
    position_embedding: bool = field(
        False, "a learned table added to the tokens; Swin and SwinRec only"
    )
    dropout: float = field(0.0, "probability of dropping a value in training", at_least=0, below=1)
    drop_path: float = field(
        0.0, "probability that an image skips the last block in training", at_least=0, below=1
    )

    fills_kspace: ClassVar[bool] = True

    def validate(self) -> None:
        stages = len(self.depths)
        if stages != len(self.heads) or (self.encoder == "vit" and stages != 1):
            raise UserError(
                f"config.model: depths={self.depths} and heads={self.heads} must be as many "
                "stages as each other, and one for a ViT"
            )
        if self.encoder == "swinrec" and self.patch_size != 1:
            raise UserError(
                f"config.model.patch_size={self.patch_size}; SwinRec works on pixels: 1"
            )
        if self.encoder == "vit" and self.position_embedding:
            raise UserError(
                "config.model.position_embedding=True needs encoder='swin' or 'swinrec'; the ViT "
                "has relative positions alone"
            )
        if self.mask_cell % self.patch_size:
            raise UserError(
                f"config.model.mask_cell={self.mask_cell} must be a multiple of "
                f"patch_size={self.patch_size}"
            )

    @nn.compact
    def __call__(self, x: jax.Array, hidden: jax.Array, train: bool = False) -> jax.Array:
        """Pictures [B, H, W, C] with tokens hidden where `hidden` [B, h, w] is 1 -> pictures."""
        channels = x.shape[-1]
        visible = x * (1 - tokens_to_pixels(hidden, self.patch_size))[..., None]
        features = self._encoder()(visible.astype(self.dtype), hidden, train)

        def decoder(count, size):  # float32: bfloat16 would round the picture
            return nn.Conv(
                count, size, dtype=jnp.float32, kernel_init=NEAR_ZERO_INIT, name="decoder"
            )

        if self.encoder == "swinrec":
            return visible + decoder(channels, (3, 3))(features)
        stride = x.shape[1] // features.shape[1]
        pixels = decoder(channels * stride**2, (1, 1))(features)
        return depth_to_space(pixels, (stride, stride))

    def batch_fields(self) -> tuple[str, ...]:
        return ("kspace",)

    def predict(self, batch: Batch, train: bool = False) -> jax.Array:
        return absolute(ifft2c(self.filled_kspace(batch, train)[:, 0]))[..., None]

    def filled_kspace(self, batch: Batch, train: bool = False) -> jax.Array:
        """k-space [B, 1, H, W]: measured samples unchanged, the others from the network."""
        mask = batch["mask"]
        measured = as_channels(single_coil(read_field(batch, "kspace")))  # [B, H, W, 2]
        estimate = self._fill_in(self._picture(measured, mask), mask, train)
        if self.kspace_as == "complex":
            estimate = expand(estimate, self.knee)
        else:
            estimate = from_picture(estimate, measured, mask)
        return as_complex(jnp.where(mask[..., None] > 0, measured, estimate))[:, None]

    def masked_prediction(self, batch: Batch, train: bool = False) -> Prediction:
        """Hide parts of fully sampled k-space, `batch["full_kspace"]`, and predict them.

        Random cells are drawn from the stream "masking"; without it they are always the same.
        """
        kspace = as_channels(single_coil(read_field(batch, "full_kspace")))
        target = self._picture(kspace, jnp.ones_like(batch["mask"]))
        if self.masks == "sampling":
            visible = batch["mask"]
        else:
            key = self.make_rng("masking") if self.has_rng("masking") else jax.random.key(0)
            B, *shape = batch["mask"].shape
            visible = 1 - random_cells(
                key, B, tuple(shape), cell=self.mask_cell, ratio=self.mask_ratio
            )
        estimate = self._fill_in(target * visible[..., None], visible, train)
        return Prediction(estimate, target, 1 - visible)

    def _picture(self, kspace: jax.Array, mask: jax.Array) -> jax.Array:
        if self.kspace_as == "complex":
            return compress(kspace, self.knee)
        return kspace_picture(kspace, mask)

    def _fill_in(self, picture: jax.Array, visible: jax.Array, train: bool) -> jax.Array:
        """The network's estimate of a picture [B, H, W, C], of which `visible` [B, H, W] is given.

        k-space is zero-padded around zero frequency until all windows fit, and cropped again.
        """
        around = [
            around_center(n, -(-n // multiple) * multiple)
            for n, multiple in zip(picture.shape[1:3], self._multiple(), strict=True)
        ]
        rows, columns = (
            slice(before, before + n)
            for n, (before, _) in zip(picture.shape[1:3], around, strict=True)
        )
        picture = jnp.pad(picture, ((0, 0), *around, (0, 0)))
        visible = jnp.pad(visible, ((0, 0), *around), constant_values=1.0)
        return self(picture, unmeasured_tokens(visible, self.patch_size), train)[:, rows, columns]

    def _multiple(self) -> tuple[int, int]:
        """The numbers of which height and width must be multiples: whole windows in each stage."""
        if self.encoder == "vit":
            return height_width(self.patch_size)
        sides = [
            self.patch_size * scale * fit_window(self.window, self.grid(scale))[0]
            for scale in (2**i if self.encoder == "swin" else 1 for i in range(len(self.depths)))
        ]
        return height_width(math.lcm(*sides))

    def grid(self, scale: int = 1) -> tuple[int, int]:
        """Rows and columns of tokens, with `scale` patches merged along each axis."""
        rows, columns = (-(-n // self.patch_size) for n in height_width(self.image_size))
        return rows // scale, columns // scale

    def _encoder(self) -> nn.Module:
        shared: dict[str, Any] = {
            "width": self.width,
            "mlp_ratio": self.mlp_ratio,
            "dropout": self.dropout,
            "drop_path": self.drop_path,
            "dtype": jnp.dtype(self.dtype),
            "name": "encoder",
        }
        grid = self.grid()
        if self.encoder == "vit":
            depth, heads = self.depths[0], self.heads[0]
            return MaskedViT(grid, self.patch_size, depth=depth, heads=heads, **shared)
        shared |= {
            "depths": tuple(self.depths),
            "heads": tuple(self.heads),
            "window": self.window,
            "position_embedding": self.position_embedding,
        }
        if self.encoder == "swin":
            return Swin(grid, self.patch_size, **shared)
        return SwinRec(grid, **shared)
