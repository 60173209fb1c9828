"""Training configs: their fields, files, checks, old names and overrides."""

from mript_jax.public import public_names

__all__, __getattr__ = public_names(
    __name__,
    {
        "check": "check_config check_values drop_unknown_fields unknown_fields",
        "describe": "describe_config",
        "files": "base_config config_hash derive_config flatten_config load_config_file",
        "names": "rename_fields",
        "overrides": "apply_overrides split_overrides",
        "shipped": "config_names config_path",
        "variants": "compare_variants",
    },
)
