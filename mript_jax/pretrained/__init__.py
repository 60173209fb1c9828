"""Weights that come with the package, by name: `mript_jax.load("small")`, `mript models`.

A file of this folder holds them with their config (weights_file.py). What a model was trained on,
its figures and where it fails is its card in docs/.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mript_jax.errors import UserError

__all__ = ["PRETRAINED", "Pretrained"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Pretrained:
    """A model that can be loaded by name."""

    about: str
    card: str  # the page of the documentation
    sha256: str
    licence: str = "Apache-2.0"

    def path(self, name: str) -> Path:
        """The file of the model, which is called `name`."""
        return FOLDER / f"{name}.safetensors"

    def checked_path(self, name: str) -> Path:
        """The same; a UserError if the file is not the one that was published."""
        path = self.path(name)
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise UserError(f"the weights {name!r} cannot be read: {error}") from error
        if found != self.sha256:
            raise UserError(f"{path} is damaged: install the package again")
        return path


PRETRAINED: dict[str, Pretrained] = {
    "small": Pretrained(
        about="any sampling pattern, 2x to 12x, one or several coils; trained on generated objects",
        card="docs/model_small.md",
        sha256="3a47960eaeb77f9eee9263870e592441a2393d8248df28e6aaad4a043ed7211a",
    ),
}
