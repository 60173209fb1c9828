"""Training configs: their fields, files, checks, old names and overrides."""

from mript_jax.config.check import check_config, drop_unknown_fields, unknown_fields
from mript_jax.config.describe import describe_config
from mript_jax.config.files import base_config, derive_config, flatten_config, load_config_file
from mript_jax.config.names import rename_fields
from mript_jax.config.overrides import apply_overrides, split_overrides

__all__ = [
    "apply_overrides",
    "base_config",
    "check_config",
    "derive_config",
    "describe_config",
    "drop_unknown_fields",
    "flatten_config",
    "load_config_file",
    "rename_fields",
    "split_overrides",
    "unknown_fields",
]
