"""The interface of all models, which training, evaluation, inference and export rely on."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import FrozenDict

from mript_jax.batch import Batch
from mript_jax.errors import UserError, unknown_name_error
from mript_jax.fields import field, fields_of, required

PIXELS = {"at_least": 1, "form": "an integer or (height, width)"}
DTYPES = ("bfloat16", "float16", "float32")


class ReconstructionModel(nn.Module):
    """Base class of the models: their inputs, outputs and optional declarations.

    A subclass becomes available as `config.model.name` by an entry in `MODELS`
    (models/__init__.py). Its dataclass fields are the fields of `config.model`: each has its
    meaning and its limits by `field` or `required` (mript_jax/fields.py). It must define
    `predict`; the rest has defaults. A model handles arrays only: no files, config or training.

    The names of parameters are part of this interface and of every checkpoint. They determine
      - how a parameter is sharded: RULES in training/sharding.py, by the name of its layer (qkv,
        dense_in, query, key, value and proj, dense_out, out are cut along the model axis) and by
        `kernel`, `bias` and `position`;
      - how a parameter is optimized: weight decay applies to each `kernel`, Muon to those but of
        `head` and `tail`, LoRA to those of attention; layer-wise learning rates count `block_0`,
        `block_1` ..., and `groups/block_0` for blocks stacked along the first axis, with
        `patch_embed` and `position` before them (training/optimizer.py, lora.py);
      - which parameters fine-tuning adapts to other tasks: `head`, `tail` and `prompt`; and to
        other image sizes: `position`, `table`, `relative`, `relative_h` and `relative_w`
        (training/finetune.py).
    """

    non_trainable: ClassVar[tuple[str, ...]] = ()
    """Name patterns (regular expressions) of parameters that are never trained."""

    fills_kspace: ClassVar[bool] = False
    """True if the model fills in k-space: it needs a mask and cannot start from an image alone."""

    core_each: ClassVar[bool] = False
    """True if training on a CPU is fastest with examples of its own for each core."""

    multi_coil: ClassVar[bool] = False
    """True of a model whose k-space may have several coils; others get that of one image."""

    takes_task: ClassVar[bool] = False
    """True of a model that is told the task: it takes the nearest of those trained on."""

    def predict(self, batch: Batch, train: bool = False) -> jax.Array:
        """Return the reconstructed magnitude images [B, H, W, 1], float32.

        Args:
          batch: the arrays of mript_jax/batch.py, in units of `batch["scale"]`, with the optional
            fields of `batch_fields()`.
          train: True for dropout and stochastic depth; random numbers are those of the stream
            "dropout".
        """
        raise NotImplementedError

    def predict_kspace(self, batch: Batch, train: bool = False) -> jax.Array:
        """Return the k-space [B, C, H, W] that the reconstructed complex image would give.

        In units of `batch["kspace"]`. Self-supervised training compares it with measured samples.
        """
        raise UserError(
            f"{type(self).__name__} has no complex image, which self-supervised training needs; "
            "use config.model.name='unrolled'"
        )

    def predict_with_residual(self, batch: Batch) -> tuple[jax.Array, jax.Array]:
        """Return `predict` and ||M F S x - y|| / ||y|| [B] of the complex image x.

        It is NaN of a model whose images have no phase.
        """
        image = self.predict(batch)
        return image, jnp.full(image.shape[:1], jnp.nan)

    def batch_fields(self) -> tuple[str, ...]:
        """Return the optional batch fields that `predict` needs from the data pipeline.

        `sensitivities` that are not among them are still used if a batch has them.
        """
        return ()

    def takes_sensitivities(self) -> bool:
        """Return True if k-space of several coils is reconstructed with ESPIRiT's maps."""
        return self.multi_coil and "kspace" in self.batch_fields()

    def validate(self) -> None:
        """Raise a UserError for fields that are inconsistent; `build_model` calls it."""


def build_from(
    table: Mapping[str, type[nn.Module]], config: Mapping[str, Any], group: str, **options: Any
) -> Any:
    """The module of `table` that a config names, from the other values of that config.

    The fields of a class are the fields of its config: those without a default must be there, and
    one that the class does not have is a UserError. `group` is the config's name below `config`,
    such as model.network; `options`, such as a layer's name, are no fields of it.
    """
    name = config.get("name")
    if name is None:
        raise UserError(f"config.{group} needs a name; known: {', '.join(sorted(table))}")
    if name not in table:
        raise unknown_name_error(group, name, table)
    values = {key: _plain(value) for key, value in config.items() if key != "name"}
    known = {f.name: f for f in dataclasses.fields(table[name]) if f.name not in ("parent", "name")}
    for key in values:
        if key not in known:
            raise unknown_name_error(f"field of config.{group} ({name})", key, known)
    missing = [
        key for key, f in known.items() if key not in values and f.default is f.default_factory
    ]
    if missing:
        raise UserError(f"config.{group} ({name}) lacks {', '.join(missing)}")
    for key, limits in fields_of(table[name], f"{group}.").items():
        if key.removeprefix(f"{group}.") in values:
            limits.check(values[key.removeprefix(f"{group}.")])
    built: Any = table[name](**values, **options)
    built.validate()
    return built


def _plain(value: Any) -> Any:
    if callable(getattr(value, "items", None)):  # a dict, or a ConfigDict, which is no Mapping
        return FrozenDict({key: _plain(below) for key, below in value.items()})  # hashable
    return tuple(value) if isinstance(value, list) else value


def dtype_field(of: str = "the computation") -> Any:
    """The field `dtype`, which every model has; `of` says what it is the type of."""
    return required(
        f"type of {of}; weights are float32; float16 is for inference only", choices=DTYPES
    )


def iterations_field() -> Any:
    """The field `iterations` of networks that map magnitude images to magnitude images."""
    return field(
        0,
        "cascades of network and data consistency; 0: the network alone, as in the papers",
        at_least=0,
    )


def check_heads(width: int, heads: int) -> None:
    """Raise a UserError if the heads of attention do not divide the channels of a token."""
    if width % heads:
        raise UserError(
            f"config.model.width={width} cannot be shared by config.model.heads={heads}; "
            f"use a multiple of {heads}"
        )
