"""The contract between a model and all that uses it: training, evaluation, inference, export."""

from typing import Any, ClassVar

import flax.linen as nn
import jax

from mript_jax.batch import Batch
from mript_jax.errors import UserError
from mript_jax.fields import field, required

PIXELS = {"at_least": 1, "form": "an integer or (height, width)"}
DTYPES = ("bfloat16", "float16", "float32")


class ReconstructionModel(nn.Module):
    """What every model is given, returns, and may declare.

    A subclass is a model that `config.model` can name once it stands in `MODELS`
    (models/__init__.py). Its dataclass fields are the fields of `config.model`: each states its
    meaning and its limits by `field` or `required` (mript_jax/fields.py). It defines `predict`;
    the rest has defaults. A model sees arrays alone: no files, no config, no training.

    Names of parameters are part of the contract, and of every checkpoint. They decide
      - how a parameter is sharded: RULES in training/sharding.py, by the name of its layer (qkv,
        dense_in, query, key, value and proj, dense_out, out are cut along the model axis) and by
        `kernel`, `bias` and `position`;
      - what an optimizer does: weight decay, Muon and LoRA take what is called `kernel`; layer-wise
        rates count `block_0`, `block_1` ..., and `groups/block_0` for blocks stacked along the
        first axis, with `patch_embed` and `position` before them (training/optimizer.py, lora.py);
      - what fine-tuning fits to other tasks: `head`, `tail` and `prompt` (training/finetune.py).
    """

    non_trainable: ClassVar[tuple[str, ...]] = ()
    """Name patterns (regular expressions) of parameters that are never trained."""

    fills_kspace: ClassVar[bool] = False
    """True of a model that fills in k-space: it needs a mask, an image alone is nothing to fill."""

    def predict(self, batch: Batch, train: bool = False) -> jax.Array:
        """Return the reconstructed magnitude images [B, H, W, 1], float32.

        Args:
          batch: the arrays of mript_jax/batch.py, in units of `batch["scale"]`. Of its optional
            fields those of `batch_fields()` are there.
          train: whether dropout and the like are on; random numbers come from the stream "dropout".
        """
        raise NotImplementedError

    def batch_fields(self) -> tuple[str, ...]:
        """Return the optional batch fields that `predict` needs: the data pipeline makes them.

        Without `sensitivities` among them, they are used where a batch happens to have them.
        """
        return ()

    def validate(self) -> None:
        """Refuse fields that do not go together, with a UserError; `build_model` calls it."""


def dtype_field() -> Any:
    """The field `dtype`, which every model has."""
    return required("type of the computation; weights are float32", choices=DTYPES)


def iterations_field() -> Any:
    """The field `iterations` of networks that map magnitude images to magnitude images."""
    return field(
        0,
        "alternations of network and data consistency; 0: the network alone, as the papers'",
        at_least=0,
    )


def check_heads(width: int, heads: int) -> None:
    """Refuse heads of attention that cannot share the channels of a token."""
    if width % heads:
        raise UserError(
            f"config.model.width={width} cannot be shared by config.model.heads={heads}; "
            f"use a multiple of {heads}"
        )
