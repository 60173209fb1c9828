"""Checks of a resumed run: config fields that must not change, and the position in the data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from mript_jax.checkpoint import NEW_RUN, saved_fields
from mript_jax.config.describe import model_defaults
from mript_jax.errors import UserError

# Prefixes of the fields on which weights and samples depend: they must not change.
FIXED_FIELDS = (
    *("seed", "data.", "model."),
    *("optimizer.name", "optimizer.freeze", "optimizer.ema_decay", "optimizer.lora_rank"),
)
# Exceptions, which affect only the execution: they may change.
RESUMABLE_FIELDS = (
    *("data.workers", "data.max_broken"),
    *("model.attention", "model.dtype", "model.remat", "model.scan_blocks"),
    *("model.network.dtype", "model.scan_cascades"),
)


def refuse_another_run(workdir: Path, saved: ConfigDict, config: ConfigDict) -> None:
    """Raise a UserError if `config` differs from the `saved` one of `workdir` in a fixed field."""
    before, now = _fixed_fields(saved), _fixed_fields(config)
    for name, value in now.items():
        if before.get(name, value) != value:
            raise UserError(
                f"config.{name} is {value!r}, but {workdir} was trained with {before[name]!r}; "
                f"{NEW_RUN}"
            )


def _fixed_fields(config: ConfigDict) -> dict[str, Any]:
    """Values of the fields that must not change, where the config leaves them out too."""
    fields = model_defaults(config) | saved_fields(config)
    return {
        name: value
        for name, value in fields.items()
        if name.startswith(FIXED_FIELDS) and name not in RESUMABLE_FIELDS
    }


def data_position(state: Mapping[str, int], batch_size: int) -> dict[str, int]:
    """The position in examples; checkpoints of earlier versions have it in batches."""
    if "next_batch" in state:
        return {"next_example": state["next_batch"] * batch_size}
    return dict(state)
