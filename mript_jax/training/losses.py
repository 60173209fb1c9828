"""Losses by name. Each gives one value per example; the step averages them by weight.

A loss takes `apply(method)`, the model bound to its parameters and the batch. Most losses compare
the image, `apply("predict")`, with the target; masked modelling uses `masked_prediction`.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from mript_jax.batch import Batch
from mript_jax.errors import unknown_name_error
from mript_jax.evaluation.metrics import ssim
from mript_jax.physics.fourier import fft2c

Apply = Callable[[str], Any]  # name of a method -> its result for this batch
ImageLoss = Callable[[jax.Array, jax.Array], jax.Array]  # target, estimate [B, H, W] -> [B]

PATCH = 8  # pixels, side of the patches that the contrastive loss compares
TEMPERATURE = 0.1
SMOOTH = 1e-3  # error below which it counts by its square


@dataclasses.dataclass(frozen=True)
class Loss:
    """A loss with the optional batch fields that it needs, besides those of the model."""

    values: Callable[[Apply, Batch], jax.Array]  # -> [B]
    batch_fields: tuple[str, ...] = ()

    def __call__(self, apply: Apply, batch: Batch) -> jax.Array:
        return self.values(apply, batch)


def l1(target: jax.Array, estimate: jax.Array) -> jax.Array:
    return _mean(jnp.abs(target - estimate))


def l2(target: jax.Array, estimate: jax.Array) -> jax.Array:
    return _mean(jnp.square(target - estimate))


def ssim_loss(target: jax.Array, estimate: jax.Array) -> jax.Array:
    """1 - SSIM, with the target's maximum as data range."""
    maximum = jnp.maximum(jnp.max(target, axis=(1, 2)), 1e-6)
    return 1.0 - ssim(target, estimate, data_range=maximum)


def l1_ssim(target: jax.Array, estimate: jax.Array) -> jax.Array:
    return l1(target, estimate) + ssim_loss(target, estimate)


def l1_gradient(target: jax.Array, estimate: jax.Array) -> jax.Array:
    """L1 + 0.1 times L1 between gradient magnitudes (the later MR-IPT code's loss)."""
    return l1(target, estimate) + 0.1 * l1(_gradient(target), _gradient(estimate))


def l1_edges(target: jax.Array, estimate: jax.Array) -> jax.Array:
    """L1 + 0.5 times L1 between the differences of neighbors along each axis.

    L1 alone hardly minds ghosts, which are faint: their edges, where the target has none, do count.
    """
    error = target - estimate
    smoothed = _mean(jnp.sqrt(jnp.square(error) + SMOOTH**2))
    differences = [jnp.abs(jnp.diff(error, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2)]
    return smoothed - SMOOTH + 0.5 * (differences[0] + differences[1])


def psnr_edges(target: jax.Array, estimate: jax.Array) -> jax.Array:
    """The logarithms of the root mean squared error and of `l1_edges`.

    Each example counts by its relative improvement, as in a mean over PSNRs: in the other losses
    the hardest, whose errors are the largest, count most.
    """
    return 0.5 * jnp.log(l2(target, estimate) + 1e-7) + jnp.log(l1_edges(target, estimate) + 1e-4)


def frequency(target: jax.Array, estimate: jax.Array) -> jax.Array:
    """L1 in the image plus L1 between the k-spaces."""
    return l1(target, estimate) + 0.1 * _mean(jnp.abs(fft2c(target) - fft2c(estimate)))


def contrastive(target: jax.Array, estimate: jax.Array) -> jax.Array:
    """L1 + 0.1 InfoNCE: a patch of the estimate and that of the target at its place are positives.

    Patches are compared by the cosine of their deviations from their means. Target patches are
    weighted by their contrast, so that empty background does not count.
    """
    theirs, ours = _patches(target), _patches(estimate)  # [B, N, pixels]
    contrast = jnp.linalg.norm(theirs, axis=-1)  # [B, N]
    cosine = _unit(ours) @ jnp.swapaxes(_unit(theirs), 1, 2)  # [B, N, N]
    log_probability = jax.nn.log_softmax(cosine / TEMPERATURE, axis=-1)
    positive = jnp.diagonal(log_probability, axis1=1, axis2=2)  # [B, N]
    total = jnp.maximum(jnp.sum(contrast, axis=1), 1e-6)
    return l1(target, estimate) + 0.1 * jnp.sum(-positive * contrast, axis=1) / total


def image_loss(compare: ImageLoss) -> Loss:
    """A loss that compares the model's image with the batch's target."""

    def loss(apply: Apply, batch: Batch) -> jax.Array:
        estimate = apply("predict")  # [B, H, W, 1]
        return compare(batch["target"][..., 0], estimate[..., 0])

    return Loss(loss)


def masked_l1(apply: Apply, batch: Batch) -> jax.Array:
    """SimMIM's loss: L1 over hidden pixels of the pictures that the network predicts."""
    estimate, target, hidden = apply("masked_prediction")  # [B, H, W, C] twice, [B, H, W]
    error = jnp.mean(jnp.abs(estimate - target), axis=-1) * hidden
    return jnp.sum(error, axis=(1, 2)) / (jnp.sum(hidden, axis=(1, 2)) + 1e-5)


def self_supervised(apply: Apply, batch: Batch) -> jax.Array:
    """SSDU: the error of k-space at samples that the model was not given.

    L2 + L1 relative to those samples (Yaman et al. 2020). `full_kspace` has all samples that were
    measured, and `mask` tells those that the model was given.
    """
    predicted, measured = apply("predict_kspace"), batch["full_kspace"]  # [B, C, H, W]
    known = jnp.any(measured != 0, axis=1, keepdims=True)
    held_out = known * (1.0 - batch["mask"][:, None])
    norms = [_norms(held_out * array) for array in (predicted - measured, measured)]
    (l2_error, l1_error), (l2_all, l1_all) = norms
    return l2_error / jnp.maximum(l2_all, 1e-6) + l1_error / jnp.maximum(l1_all, 1e-6)


def _norms(kspace: jax.Array) -> tuple[jax.Array, jax.Array]:
    """L2 and L1 norm [B] of k-space [B, C, H, W]."""
    squares = jnp.square(kspace.real) + jnp.square(kspace.imag)
    axes = (1, 2, 3)
    return jnp.sqrt(jnp.sum(squares, axes) + 1e-12), jnp.sum(jnp.sqrt(squares + 1e-12) - 1e-6, axes)


LOSSES: dict[str, Loss] = {
    "l1": image_loss(l1),
    "l2": image_loss(l2),
    "ssim": image_loss(ssim_loss),
    "l1_ssim": image_loss(l1_ssim),
    "l1_gradient": image_loss(l1_gradient),
    "l1_edges": image_loss(l1_edges),
    "psnr_edges": image_loss(psnr_edges),
    "frequency": image_loss(frequency),
    "contrastive": image_loss(contrastive),
    "self_supervised": Loss(self_supervised, batch_fields=("full_kspace",)),
    "masked_l1": Loss(masked_l1, batch_fields=("full_kspace",)),
}


def build_loss(name: str) -> Loss:
    """Return the loss named `config.loss`."""
    if name not in LOSSES:
        raise unknown_name_error("loss", name, LOSSES)
    return LOSSES[name]


def _mean(x: jax.Array) -> jax.Array:
    return jnp.mean(x, axis=(1, 2))


def _patches(images: jax.Array) -> jax.Array:
    """Deviations from the mean in each whole patch, [B, H, W] -> [B, N, pixels]."""
    B, H, W = images.shape
    rows, columns = H // PATCH, W // PATCH
    images = images[:, : rows * PATCH, : columns * PATCH]
    patches = images.reshape((B, rows, PATCH, columns, PATCH)).swapaxes(2, 3)
    patches = patches.reshape(B, rows * columns, PATCH**2)
    return patches - jnp.mean(patches, axis=-1, keepdims=True)


def _unit(vectors: jax.Array) -> jax.Array:
    """Normalize vectors to length 1; nearly zero ones stay shorter."""
    return vectors * jax.lax.rsqrt(jnp.sum(jnp.square(vectors), axis=-1, keepdims=True) + 1e-6)


def _gradient(image: jax.Array) -> jax.Array:
    """Gradient magnitude by central differences, [B, H, W] -> [B, H - 2, W - 2]."""
    dy = 0.5 * (image[:, 2:, 1:-1] - image[:, :-2, 1:-1])
    dx = 0.5 * (image[:, 1:-1, 2:] - image[:, 1:-1, :-2])
    return jnp.sqrt(dy**2 + dx**2 + 1e-8)
