"""Anatomy in an encoder's features: `probe(config, encoders)`, linear heads on phantoms.

Phantoms know the tissue at each pixel and the contrast of each slice. A linear map, fitted by
ridge regression on frozen features of undersampled images, tells the tissue at the center of each
patch, and another the contrast of the slice from the mean feature.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from mript_jax.data.phantom.slices import ANATOMIES, make_slice
from mript_jax.data.pipeline import evaluation_batches
from mript_jax.errors import UserError
from mript_jax.models import build_model
from mript_jax.physics.tasks import Task
from mript_jax.sizes import height_width

SLICES = {"train": 300, "test": 100}
PENALTY = 1e-3  # of the ridge regression, on standardised features


def probe(config: ConfigDict, encoders: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each set of parameters, after two to compare with: what needs no features (always
    the most frequent class), and the patches' pixels instead of features."""
    if config.model.name != "mript" or config.data.source != "phantom":
        raise UserError("a probe needs the model 'mript' and phantoms, whose tissues are known")
    data = {split: _slices(config, split) for split in SLICES}
    rows = [_majority(data["train"][1], data["test"][1])]
    rows.append(_row("pixels", {split: (_patches(config, b), y) for split, (b, y) in data.items()}))
    for name, params in encoders.items():
        features = {split: (_features(config, params, b), y) for split, (b, y) in data.items()}
        rows.append(_row(name, features))
    return rows


def untrained(config: ConfigDict) -> Any:
    """Fresh parameters: what the architecture alone gives."""
    batch = jax.tree.map(lambda x: x[:1], _slices(config, "test", 1)[0])
    return build_model(config.model).init(jax.random.key(config.seed), batch, method="predict")[
        "params"
    ]


def _slices(config: ConfigDict, split: str, count: int = 0) -> tuple[dict, dict[str, np.ndarray]]:
    """Slices at 4x in one batch, with the tissue of each patch and the contrast of each slice."""
    count = count or SLICES[split]
    task = Task(config.data.patterns[0], 4.0, 0.08, pattern_index=0, level_index=1)
    fields = build_model(config.model).batch_fields()
    (batch, records), *_ = evaluation_batches(
        config.data, split, task, count, max_slices=count, fields=fields
    )
    options = config.data.options.phantom
    shape, patch = height_width(config.data.image_size), config.model.patch_size
    made = [
        make_slice(
            options.seed,
            int(record.volume.rsplit("-", 1)[1]),
            shape,
            tuple(options.get("anatomies", ANATOMIES)),
        )
        for record in records
    ]
    center = slice(patch // 2, None, patch)
    contrasts = sorted({c for _, of_anatomy in ANATOMIES.values() for c in of_anatomy})
    return {key: value[: len(records)] for key, value in batch.items()}, {
        "tissue": np.stack([m.labels[center, center] for m in made]),  # [B, h, w]
        "contrast": np.array([contrasts.index(m.attributes["contrast"]) for m in made]),
    }


def _features(config: ConfigDict, params: Any, batch: Mapping[str, np.ndarray]) -> np.ndarray:
    """The encoder's features, [B, h, w, C]."""
    model = build_model(config.model)

    @jax.jit
    def encode(params: Any, batch: Mapping[str, np.ndarray]) -> jax.Array:
        _, seen = model.apply(
            {"params": params},
            batch,
            method="predict",
            capture_intermediates=lambda module, name: (
                (module.name, name) == ("encoder", "__call__")
            ),
            mutable=["intermediates"],
        )
        (output,) = jax.tree.leaves(seen["intermediates"])
        return output

    parts = np.array_split(np.arange(len(batch["target"])), max(len(batch["target"]) // 50, 1))
    return np.concatenate(
        [encode(params, {key: value[part] for key, value in batch.items()}) for part in parts]
    )


def _patches(config: ConfigDict, batch: Mapping[str, np.ndarray]) -> np.ndarray:
    """The pixels of each patch, [B, h, w, P * P]."""
    images, patch = batch["zero_filled"][..., 0], config.model.patch_size
    B, H, W = images.shape
    cut = images.reshape((B, H // patch, patch, W // patch, patch)).swapaxes(2, 3)
    return cut.reshape(B, H // patch, W // patch, patch * patch)


def _row(name: str, data: Mapping[str, tuple[np.ndarray, dict[str, np.ndarray]]]) -> dict[str, Any]:
    (train, known), (test, true) = data["train"], data["test"]
    width = train.shape[-1]
    tissue = _predict(train.reshape(-1, width), known["tissue"].ravel(), test.reshape(-1, width))
    contrast = _predict(train.mean((1, 2)), known["contrast"], test.mean((1, 2)))
    return _scores(name, true, tissue, contrast)


def _majority(known: Mapping[str, np.ndarray], true: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The most frequent class of the training labels as every answer."""
    always = {of: np.bincount(labels.ravel()).argmax() for of, labels in known.items()}
    answers = {of: np.full(labels.size, always[of]) for of, labels in true.items()}
    return _scores("majority", true, answers["tissue"], answers["contrast"])


def _scores(
    name: str, true: Mapping[str, np.ndarray], tissue: np.ndarray, contrast: np.ndarray
) -> dict[str, Any]:
    return {
        "features": name,
        "tissue: accuracy": float(np.mean(tissue == true["tissue"].ravel())),
        "tissue: mean Dice": _dice(true["tissue"].ravel(), tissue),
        "contrast: accuracy": float(np.mean(contrast == true["contrast"])),
    }


def _predict(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Ridge regression onto the classes; the largest wins."""
    mean, deviation = train.mean(0), train.std(0) + 1e-6
    x, y = ((features - mean) / deviation for features in (train, test))
    classes = np.unique(labels)
    wanted = (labels[:, None] == classes).astype(np.float64)
    gram = x.T @ x / len(x) + PENALTY * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x.T @ (wanted - wanted.mean(0)) / len(x))
    return classes[np.argmax(y @ weights + wanted.mean(0), axis=1)]


def _dice(true: np.ndarray, found: np.ndarray) -> float:
    """The mean over the tissues that there are, air left out."""
    scores = []
    for label in np.unique(true[true > 0]):
        both = np.sum((true == label) & (found == label))
        scores.append(2 * both / (np.sum(true == label) + np.sum(found == label)))
    return float(np.mean(scores))
