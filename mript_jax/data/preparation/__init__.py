"""Datasets turned into shards that are read fast."""

from mript_jax.public import public_names

__all__, __getattr__ = public_names(
    __name__,
    {
        "dataset": "verify write_index",
        "shards": "Job plan write_shards",
        "hygiene": "content_hash duplicates is_blank",
        "preview": "contact_sheet",
    },
)
