"""Variants of a training that a study compares, each trained with several seeds."""

from collections.abc import Callable, Mapping

from ml_collections import ConfigDict

from mript_jax.config.files import derive_config

SEEDS = (0, 1, 2)


def compare_variants(
    study: ConfigDict, variants: Mapping[str, ConfigDict | Callable[[int], ConfigDict]]
) -> None:
    """Adds the runs NAME_SEED of each variant, from its config or that for a seed.

    The first variant is set against the others.
    """
    for name, variant in variants.items():
        for seed in SEEDS:
            config = variant if isinstance(variant, ConfigDict) else variant(seed)
            study.runs[f"{name}_{seed}"] = derive_config(config, {"seed": seed})
    study.variants = ConfigDict({n: tuple(f"{n}_{seed}" for seed in SEEDS) for n in variants})
    study.compared = tuple(variants)
