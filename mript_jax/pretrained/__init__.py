"""Weights by name: `mript_jax.load("small")`, `mript models`.

Those of this folder come with the package. The environment variable MRIPT_MODELS names a JSON file
of others, that of a hospital or a group: for each name a file, its hash and size, licence and card.
A file holds weights with their config (weights_file.py), and is read only if its hash is the one
given. What a model was trained on, its figures and where it fails is its card.
"""

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from mript_jax.errors import UserError

__all__ = ["PRETRAINED", "Pretrained", "pretrained_models"]

FOLDER = Path(__file__).parent
PACKAGE = FOLDER.parent
# A checkout's docs/, of which an installed package carries the cards.
CARDS = PACKAGE / "docs" if (PACKAGE / "docs").is_dir() else PACKAGE.parent / "docs"
VARIABLE = "MRIPT_MODELS"


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """A model that can be loaded by name."""

    file: str  # path of the weights
    about: str
    size: int  # bytes
    sha256: str
    licence: str
    card: str  # path or address of the page that describes it

    def checked_file(self) -> Path:
        """The file of the weights; a UserError if it is not the one that was published."""
        try:
            content = Path(self.file).read_bytes()
        except OSError as error:
            raise UserError(f"the weights {self.file} cannot be read: {error.strerror}") from error
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise UserError(
                f"{self.file} is damaged or another version: {len(content)} bytes, sha256 {found}, "
                f"where {self.size} bytes, sha256 {self.sha256} were published"
            )
        return Path(self.file)


PRETRAINED: dict[str, Pretrained] = {
    "small": Pretrained(
        file=str(FOLDER / "small.safetensors"),
        about="any sampling pattern, 2x to 12x, one or several coils; trained on generated data "
        "only: it carries nobody's anatomy, and no licence but the package's",
        size=11_522_608,
        sha256="8091ea1bb627f68c3db6b79c59d39f60b3665fe5fc47e294b00570093aaec471",
        licence="Apache-2.0",
        card=str(CARDS / "model_small.md"),
    ),
}


def pretrained_models() -> dict[str, Pretrained]:
    """The models of the package, and those of the JSON file that MRIPT_MODELS names."""
    path = os.environ.get(VARIABLE)
    if not path:
        return PRETRAINED
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{VARIABLE}={path} cannot be read as JSON: {error}") from error
    if not isinstance(entries, dict):
        raise UserError(f"{VARIABLE}={path} must hold an object: the fields of each model by name")
    taken = sorted(entries.keys() & PRETRAINED.keys())
    if taken:
        raise UserError(f"{VARIABLE}={path}: {taken[0]!r} is a model of the package; rename yours")
    folder = Path(path).absolute().parent
    return PRETRAINED | {name: _of_entry(path, name, e, folder) for name, e in entries.items()}


def _of_entry(path: str, name: str, entry: Any, folder: Path) -> Pretrained:
    """A model of the JSON file at `path`; its file is beside that one, unless it is absolute."""
    kinds = dict.fromkeys(("file", "about", "sha256", "licence", "card"), str) | {"size": int}
    if not isinstance(entry, dict) or {key: type(value) for key, value in entry.items()} != kinds:
        raise UserError(
            f"{VARIABLE}={path}: {name!r} must have the texts file, about, sha256, licence and "
            "card, and size in bytes"
        )
    return Pretrained(**entry | {"file": str(folder / entry["file"])})
