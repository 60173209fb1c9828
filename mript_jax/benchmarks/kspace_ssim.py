"""SSIM of pictures of k-space, compared with the quality of the images.

  mript benchmark kspace_ssim --checkpoint=runs/simmim --checkpoint=runs/simmim_tuned

Larsen et al. (2022) evaluated their networks by the SSIM of 8-bit pictures of k-space's log
magnitude. This table has that SSIM beside PSNR and SSIM of the image, for masked models
(configs/simmim*.py), for zero-filling, and for an estimate that no network can surpass in this
metric: all magnitudes are those of the reference, and the phase of unmeasured samples is 0.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from PIL import Image

from mript_jax import cli
from mript_jax.batch import Batch
from mript_jax.checkpoint import load_checkpoint_config, load_params
from mript_jax.data.pipeline import evaluation_batches
from mript_jax.errors import UserError
from mript_jax.evaluation.metrics import psnr, ssim
from mript_jax.models import build_model
from mript_jax.physics.fourier import ifft2c
from mript_jax.physics.kspace_compression import as_channels
from mript_jax.physics.kspace_picture import kspace_picture
from mript_jax.physics.tasks import task_grid, usual_center_fraction
from mript_jax.text_table import markdown_table

Method = Callable[[Batch], jax.Array]  # -> k-space [B, 1, H, W]

FIELDS = ("kspace", "full_kspace")
GAP = 4  # pixels between pictures


def zero_filled(batch: Batch) -> jax.Array:
    return batch["kspace"]


def without_phase(batch: Batch) -> jax.Array:
    """The magnitudes of the reference, with phase 0 where k-space was not measured."""
    return jnp.where(batch["mask"][:, None] > 0, batch["kspace"], jnp.abs(batch["full_kspace"]))


def masked_model(checkpoint: str) -> Method:
    config, params = load_checkpoint_config(checkpoint), load_params(checkpoint)
    if config.model.name != "simmim":
        raise UserError(f"{checkpoint} is a {config.model.name}; only simmim predicts k-space")
    model = build_model(config.model)
    return jax.jit(lambda batch: model.apply({"params": params}, batch, method="filled_kspace"))


def method_names(paths: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """The names of the folders, or their paths where a name is not unique."""
    names = [Path(path).name for path in paths]
    both = [*taken, *names]
    return [path if both.count(name) > 1 else name for path, name in zip(paths, names, strict=True)]


def image_of(kspace: jax.Array) -> jax.Array:
    return jnp.abs(ifft2c(kspace[:, 0]))


def picture_of(kspace: jax.Array) -> jax.Array:
    """Gray values of the picture of k-space, [B, H, W]; black where k-space is exactly 0."""
    kspace = kspace[:, 0]
    return kspace_picture(as_channels(kspace), (kspace != 0).astype(jnp.float32))[..., 0]


def measure(method: Method, batch: Batch) -> dict[str, jax.Array]:
    """The values [B] of each metric."""
    kspace, target = method(batch), batch["target"][..., 0]
    image, brightest = image_of(kspace), target.max(axis=(1, 2))
    return {
        "k-space SSIM": ssim(picture_of(batch["full_kspace"]), picture_of(kspace)),
        "image PSNR (dB)": psnr(target, image, brightest),
        "image SSIM": ssim(target, image, brightest),
    }


def save_picture(path: str, methods: Mapping[str, Method], batch: Batch) -> None:
    """Save reference and methods from left to right: k-space above, the image below."""
    kspaces = [batch["full_kspace"], *(method(batch) for method in methods.values())]
    white = float(batch["target"][0].max())
    columns = [
        np.concatenate([picture_of(k)[0], np.ones((GAP, k.shape[3])), image_of(k)[0] / white])
        for k in kspaces
    ]
    gap = np.ones((len(columns[0]), GAP))
    row = np.concatenate([part for column in columns for part in (column, gap)][:-1], axis=1)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.clip(row, 0, 1) * 255).astype(np.uint8)).save(path)


def define_flags() -> None:
    flags.DEFINE_multi_string("checkpoint", [], "A masked model; several may be given.")
    flags.DEFINE_list("accelerations", ["4"], "Accelerations, each with every pattern.")
    flags.DEFINE_integer("slices", 16, "Slices of the test split in each task.")
    flags.DEFINE_string("picture", "", "File for a picture of k-space and image of one slice.")


def main() -> None:
    checkpoints = list(dict.fromkeys(cli.FLAGS.checkpoint))
    cli.required(checkpoint=checkpoints)
    methods: dict[str, Method] = {
        "zero-filled": zero_filled,
        "true magnitudes, phase lost": without_phase,
    }
    names = method_names(checkpoints, list(methods))
    methods |= dict(zip(names, map(masked_model, checkpoints), strict=True))
    data = load_checkpoint_config(checkpoints[0]).data
    accelerations = [float(r) for r in cli.FLAGS.accelerations]
    usual = dict(zip(data.accelerations, data.center_fractions, strict=True))
    tasks = task_grid(
        data.patterns,
        accelerations,
        [usual.get(r, usual_center_fraction(r)) for r in accelerations],
        trained_patterns=data.patterns,
        trained_accelerations=data.accelerations,
    )
    values: dict[str, list[dict[str, jax.Array]]] = {name: [] for name in methods}
    for task in tasks:
        slices = cli.FLAGS.slices
        for batch, _ in evaluation_batches(
            data, "test", task, min(slices, 8), max_slices=slices, fields=FIELDS
        ):
            for name, method in methods.items():
                found = measure(method, batch)
                values[name].append({key: v[batch["weight"] > 0] for key, v in found.items()})
            if cli.FLAGS.picture and task is tasks[0]:
                save_picture(cli.FLAGS.picture, methods, batch)
    rows = [
        {"method": name}
        | {key: f"{np.concatenate([f[key] for f in found]).mean():.3f}" for key in found[0]}
        for name, found in values.items()
    ]
    print(markdown_table(rows))


if __name__ == "__main__":
    cli.run(main, define_flags, __doc__, "mript benchmark")
