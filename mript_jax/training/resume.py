"""What may differ when a run resumes, and where in the data it does."""

from collections.abc import Mapping
from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.checkpoint import saved_fields
from mript_jax.errors import UserError

# What the weights and the samples so far depend on, by the beginnings of names.
FIXED_FIELDS = (
    *("seed", "data.", "model."),
    *("optimizer.name", "optimizer.freeze", "optimizer.ema_decay", "optimizer.lora_rank"),
)
# Of these, what changes neither: how the same is computed.
RESUMABLE_FIELDS = (
    *("data.workers", "data.max_broken"),
    *("model.attention", "model.dtype", "model.remat", "model.scan_blocks"),
)


def refuse_another_run(workdir: Path, saved: ConfigDict, config: ConfigDict) -> None:
    """Name the field that keeps `config` from resuming the run of `workdir`, of config `saved`."""
    before = saved_fields(saved)
    for name, now in saved_fields(config).items():
        if not name.startswith(FIXED_FIELDS) or name in RESUMABLE_FIELDS:
            continue
        if before.get(name, now) != now:
            raise UserError(
                f"config.{name} is {now!r}, but {workdir} was trained with {before[name]!r}; "
                "use another --workdir, or config.init_from to start from its weights"
            )


def data_position(state: Mapping[str, int], batch_size: int) -> dict[str, int]:
    """The position in examples; checkpoints of earlier versions count batches of their size."""
    if "next_batch" in state:
        return {"next_example": state["next_batch"] * batch_size}
    return dict(state)
