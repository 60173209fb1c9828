"""An evaluation on what a checkpoint was trained on says nothing: it is refused."""

from collections.abc import Iterable

from ml_collections import ConfigDict

from mript_jax.data.pipeline import mixed_in, open_split
from mript_jax.data.pseudonyms import pseudonym
from mript_jax.errors import UserError


def check_unseen(trained: ConfigDict, evaluated: ConfigDict, split: str) -> str:
    """Refuses subjects that are among those trained on, and says what was found.

    `trained` and `evaluated` are `config.data` of the checkpoint and of the evaluation. Subjects
    (volumes where a format names none) are told by name, so those of a copied folder are found.
    """
    wanted = _subjects(evaluated, split)
    try:
        seen = sorted(wanted.keys() & _trained_on(trained))
    except UserError as error:
        return f"not checked against the training data: {error}"
    if seen:
        raise UserError(
            f"{len(seen)} of the {len(wanted)} subjects of split {split!r} were trained on "
            f"({wanted[seen[0]]}, ...); evaluate on another split, or on other data"
        )
    return f"none of the {len(wanted)} subjects was trained on"


def split_to_evaluate(trained: Iterable[ConfigDict], evaluated: ConfigDict, split: str) -> str:
    """ "all" for a folder that is the publisher's validation or test split, else `split`.

    The fractions do not divide what was held out as a whole; but they do where some of it was
    trained on.
    """
    source, _ = open_split(evaluated, "all")
    if set(source.official_splits or ()) not in ({"validation"}, {"test"}) or evaluated.splits_file:
        return split
    try:
        for data in trained:
            check_unseen(data, evaluated, "all")
    except UserError:
        return split
    return "all"


def _subjects(config: ConfigDict, split: str) -> dict[str, str]:
    """The subjects of a split, by their pseudonyms: those of earlier datasets are in clear text."""
    source, indices = open_split(config, split)
    return {pseudonym(source.subjects[i]): source.subjects[i] for i in indices}


def _trained_on(config: ConfigDict) -> set[str]:
    """The subjects of all datasets of the mixture."""
    mixed = (mixed_in(config, name, path) for name, path, _ in config.mixture)
    return set().union(*(_subjects(data, "train") for data in (config, *mixed)))
