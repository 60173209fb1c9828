"""The runs, conditions, methods and variants that a study's config asks for (study.py)."""

import itertools
from collections.abc import Mapping, Sequence

from ml_collections import ConfigDict

from mript_jax.data.generated_pictures import KINDS
from mript_jax.errors import UserError, unknown_name_error


def conditions_with_data(study: ConfigDict) -> dict[str, ConfigDict]:
    """The conditions that there are data for."""
    if "probe" in study:
        return {}
    without_data = {n for n in study.get("optional", ()) if not study.conditions[n].data.path}
    return {
        name: resolved(config)
        for name, config in study.conditions.items()
        if name not in without_data
    }


def needed_runs(study: ConfigDict) -> dict[str, ConfigDict]:
    """The runs that are compared, each after the one that it starts from."""
    needed: dict[str, ConfigDict] = {}

    def add(name: str) -> None:
        if name not in study.runs:
            known = (*study.get("variants", ()), *study.runs, *given_checkpoints(study))
            raise unknown_name_error("run of the study", name, known)
        config = resolved(study.runs[name])
        if config.init_from in study.runs:
            add(config.init_from)
            if "tuning" in study and _data(config) == _data(needed[config.init_from]):
                raise UserError(
                    f"{name} would be tuned on what {config.init_from} was trained on, "
                    f"{config.data.source}:{config.data.path}; give --config.tuning.data.source "
                    "and --config.tuning.data.path other data"
                )
        needed[name] = config

    for name in compared(study):
        if name not in given_checkpoints(study):
            add(name)
    return needed


def compared(study: ConfigDict) -> tuple[str, ...]:
    """The runs and checkpoints of the table: first one of each variant, for who cannot wait."""
    variants = study.get("variants", {})
    runs = itertools.zip_longest(*(variants.get(name, (name,)) for name in study.compared))
    return tuple(name for turn in runs for name in turn if name is not None)


def given_checkpoints(study: ConfigDict) -> Mapping[str, str]:
    """The compared checkpoints that were trained elsewhere."""
    return study.get("checkpoints", {})


def baselines(study: ConfigDict) -> tuple[str, ...]:
    return tuple(study.get("baselines", ()))


def compared_variants(study: ConfigDict) -> dict[str, list[str]]:
    """The methods of the table: name -> compared runs; those that are not trained are their own."""
    variants_of = variant_of(study)
    variants: dict[str, list[str]] = {}
    for run in (*compared(study), *baselines(study), "zero_filled"):
        variants.setdefault(variants_of.get(run, run), []).append(run)
    return variants


def variant_of(study: ConfigDict) -> dict[str, str]:
    """The variant of each run that has one."""
    variants = study.get("variants", {})
    return {run: name for name, runs in variants.items() for run in runs}


def with_seeds_of(study: ConfigDict, others: Sequence[str], runs: Sequence[str]) -> tuple[str, ...]:
    """Those of a variant's runs whose seeds another one's have too; all where none has."""
    seeds = {study.runs[run].seed for run in others if run in study.runs}
    shared = [run for run in runs if run in study.runs and study.runs[run].seed in seeds]
    return tuple(shared or runs)


def is_generated(config: ConfigDict) -> bool:
    return config.data.source == "images" and config.data.path in KINDS


def resolved(config: ConfigDict) -> ConfigDict:
    return ConfigDict(config.copy_and_resolve_references())


def _data(config: ConfigDict) -> tuple:
    data = config.data
    return data.source, data.path, data.options.get(data.source)
