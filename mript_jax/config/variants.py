"""Variants of a training that a study compares, each trained with several seeds."""

from collections.abc import Callable, Mapping

from ml_collections import ConfigDict

from mript_jax.config.files import derive_config

SEEDS = (0, 1, 2)


def compare_variants(
    study: ConfigDict, variants: Mapping[str, ConfigDict | Callable[[int], ConfigDict]]
) -> None:
    """Adds the runs NAME_SEED of each variant, from its config or that for a seed.

    The first variant is set against the others. All variants with the first seed come first, for
    who cannot wait.
    """
    names = {name: tuple(f"{name}_{seed}" for seed in SEEDS) for name in variants}
    for name, variant in variants.items():
        for seed, run in zip(SEEDS, names[name], strict=True):
            config = variant if isinstance(variant, ConfigDict) else variant(seed)
            study.runs[run] = derive_config(config, {"seed": seed})
    study.variants = ConfigDict(names)
    study.compared = tuple(names[name][i] for i in range(len(SEEDS)) for name in variants)
