"""Toy checkpoints of every model, and the images they gave, as of commit a95a87f.

This script was run once, at commit a95a87f, before anything was renamed:

  git checkout a95a87f
  env JAX_PLATFORMS=cpu PYTHONPATH=$PWD python make_checkpoints.py tests/golden/checkpoints

It imports names of that commit, so it cannot run on a later one, and nothing in it is to be renamed
or made anew: tests/test_old_checkpoints.py holds every later commit to the files that it wrote.

  inputs.npz      kspace [S, H, W] (complex, fully sampled), mask [M, H, W] and the magnitudes
                  zero_filled [M, S, H, W]
  NAME.zip        a checkpoint: the run directory with config.json and its newest step
  NAME.npz        from_kspace and from_zero_filled [M, S, H, W]: the images that
                  `mript_jax.load(NAME)` gave for (kspace, mask) and (zero_filled, mask=mask);
                  of a run also resumed, from_kspace after its last two steps
  slices.zip      what the runs are trained on: pictures, which stay when the phantoms change
  overrides.json  the flags that mript_run was trained with: each config field by its old name
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import jax
import numpy as np
from PIL import Image

import mript_jax
from mript_jax.checkpoint import save_params
from mript_jax.config import base_config, flat, load_config
from mript_jax.data.batch import empty_example, stack
from mript_jax.data.readers import open_source
from mript_jax.models import build_model
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.masks import sample_mask

ROOT = Path.cwd()
SHAPE = (24, 20)  # of the inputs: neither square nor the size that the models are made for
NOISE = 0.05  # on initial weights, many of which are zero or near it
STOPPED, TOTAL = 4, 6  # steps of a run: in its checkpoint, and when resumed

DATA = {
    "data.image_size": 16,
    "data.patterns": ("cartesian_random", "gaussian_2d"),
    "data.accelerations": (2.0, 4.0, 8.0),
    "data.center_fractions": (0.1, 0.08, 0.04),
}
MRIPT = {
    "name": "mript",
    "mode": "type",
    "image_size": 16,
    "patch_size": 4,
    "features": 2,
    "width": 16,
    "depth": 2,
    "heads": 2,
    "mlp_ratio": 2.0,
    "window": 2,
    "global_blocks": (1,),
    "decoder_depth": 1,
    "decoder_heads": 2,
    "decoder_mlp": 16,
    "decoder_downsample": 2,
    "num_patterns": 2,
    "num_levels": 3,
    "dtype": "float32",
    "iterations": 0,
    "prompt": "table",
}
RECON_VIT = {
    "name": "recon_vit",
    "image_size": 16,
    "patch_size": 4,
    "width": 16,
    "depth": 2,
    "heads": 2,
    "mlp_ratio": 2.0,
    "dtype": "float32",
    "qkv_bias": True,
    "gpsa": (2, 2),
    "iterations": 0,
}
UNET = {"name": "unet", "features": 4, "pools": 2, "dtype": "float32", "iterations": 1}
SIMMIM = {
    "name": "simmim",
    "encoder": "vit",
    "image_size": 16,
    "patch_size": 4,
    "width": 8,
    "depths": (2,),
    "heads": (2,),
    "window": 4,
    "mlp_ratio": 2.0,
    "mask_cell": 4,
    "mask_ratio": 0.6,
    "dtype": "float32",
    "knee": 0.1,
}
SWIN = SIMMIM | {"encoder": "swin", "patch_size": 2, "depths": (2, 1), "heads": (2, 4)}
KSPACE = {"data.fields": ("kspace",)}
MODELS = {  # name -> config.model, and what else differs from the defaults
    "mript_table": (MRIPT, {}),
    "mript_continuous": (
        MRIPT
        | {"mode": "split", "prompt": "continuous", "iterations": 1}
        | {"accelerations": (2.0, 4.0, 8.0)},
        KSPACE | {"data.scale": "zero_filled"},
    ),
    "recon_vit": (RECON_VIT, {}),
    "unet": (UNET, KSPACE),
    "simmim_vit": (SIMMIM, KSPACE),
    "simmim_swin": (SWIN, KSPACE),
    "simmim_swinrec": (SIMMIM | {"encoder": "swinrec", "patch_size": 1}, KSPACE),
}
TRAINING = DATA | {
    "total_steps": TOTAL,
    "global_batch_size": 4,
    "checkpoint_every_steps": 2,
    "log_every_steps": 1,
    "data.source": "images",
    "data.path": "slices",
    "data.scale": "zero_filled",
    "data.fields": ("kspace",),
    "optimizer.learning_rate": 5e-3,
    "optimizer.schedule": "cosine",
    "optimizer.warmup_steps": 2,
    "optimizer.clip_l2": 1.0,
    "optimizer.images_at_once": 2,
}
RUNS = {  # name -> the config file, and what differs from it
    "mript_run": (
        "mript_tiny.py",
        {f"model.{k}": v for k, v in MRIPT.items()}
        | {"model.iterations": 1, "optimizer.name": "adam", "optimizer.ema_decay": 0.5}
        | {"optimizer.learning_rate": 1e-4},  # rounding changes images in proportion to it
    ),
    # Hides other cells in each micro-batch: the result depends on how many there are.
    "simmim_run": (
        "simmim.py",
        {f"model.{k}": v for k, v in SIMMIM.items()}
        | {"optimizer.name": "adamw", "optimizer.layer_decay": 0.7},
    ),
    "lora_run": (
        "mript_tiny.py",
        {f"model.{k}": v for k, v in MRIPT.items()}
        | {"init_from": "mript_table", "optimizer.name": "adam", "optimizer.lora_rank": 2}
        | {"optimizer.learning_rate": 5e-2},
    ),
}


def main(output: Path) -> None:
    """Makes everything in the current directory, which is temporary, and `output`."""
    inputs = make_inputs()
    np.savez_compressed(output / "inputs.npz", **inputs)
    for name, (model, changes) in MODELS.items():
        save_model(name, model, changes)
        pack(Path(name), output)
        np.savez_compressed(output / f"{name}.npz", **reconstruct(name, inputs))
    save_slices(Path("slices"))
    pack(Path("slices"), output)
    for name, (file, changes) in RUNS.items():
        flags = all_flags(file, TRAINING | changes)
        train(name, file, flags)
        if name == "mript_run":
            (output / "overrides.json").write_text(json.dumps(flags, indent=1) + "\n")
        resumed = reconstruct(name, inputs)["from_kspace"]
        shutil.rmtree(f"{name}/checkpoints/{TOTAL}")
        shutil.rmtree(f"{name}/checkpoints/{STOPPED - 2}")
        pack(Path(name), output)
        images = reconstruct(name, inputs)
        np.savez_compressed(output / f"{name}.npz", **images, resumed=resumed)


def make_inputs() -> dict[str, np.ndarray]:
    """Two phantoms with a smooth phase, as k-space, under a mask of each of two patterns."""
    source = open_source("phantom", "", seed=7, count=2, size=SHAPE)
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    images = np.stack([source[i].image for i in range(2)]) * np.exp(1j * (0.3 + x - y * y))
    kspace = fft2c(images.astype(np.complex64))  # [S, H, W]
    mask = np.stack(
        [
            sample_mask("cartesian_random", SHAPE, 4.0, 0.08, 0),
            sample_mask("gaussian_2d", SHAPE, 5.0, 0.08, 0),
        ]
    )  # [M, H, W]
    zero_filled = np.abs(ifft2c(kspace * mask[:, None]))  # [M, S, H, W]
    return {"kspace": kspace, "mask": mask, "zero_filled": zero_filled}


def reconstruct(checkpoint: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The checkpoint's images under each mask, from k-space and from zero-filled images."""
    recon = mript_jax.load(checkpoint)
    masks = inputs["mask"]
    return {
        "from_kspace": np.stack([recon(inputs["kspace"], mask) for mask in masks]),
        "from_zero_filled": np.stack(
            [recon(x, mask=mask) for x, mask in zip(inputs["zero_filled"], masks, strict=True)]
        ),
    }


def save_model(name: str, model: dict, changes: dict) -> None:
    """Initial weights with noise on them, as a converter writes a checkpoint."""
    config = base_config()
    config.model = model
    config.update_from_flattened_dict(DATA | changes)
    built = build_model(config.model)
    example = stack([empty_example((16, 16), ("kspace",))])
    params = jax.jit(lambda key: built.init(key, example, method="on_batch"))(jax.random.key(0))
    rng = np.random.default_rng(0)
    params = jax.tree.map(
        lambda p: p + NOISE * rng.standard_normal(p.shape, np.float32), params["params"]
    )
    save_params(name, params, config.lock())


def save_slices(folder: Path) -> None:
    folder.mkdir()
    source = open_source("phantom", "", seed=5, count=20, size=24)
    for i in range(20):
        image = source[i].image
        picture = Image.fromarray(np.round(255 * image / image.max()).astype(np.uint8))
        picture.save(folder / f"{i}.png")


def all_flags(file: str, changes: dict) -> list[str]:
    """`--config.name=value` for every field of a config file with changes."""
    config = load_config(ROOT / "configs" / file).unlock()
    config.update_from_flattened_dict(changes)
    return [f"--config.{name}={value}" for name, value in flat(config).items()]


def train(name: str, file: str, flags: list[str]) -> None:
    command = [sys.executable, f"{ROOT}/launch/train.py", f"--config={ROOT}/configs/{file}"]
    subprocess.run([*command, f"--workdir={name}", *flags], check=True)


def pack(folder: Path, output: Path) -> None:
    """What matters of a directory as one file, without paths of this machine."""
    kinds = ("config.json", "checkpoints/**/*", "*.png")
    files = [path for kind in kinds for path in folder.glob(kind)]
    here = f"{Path.cwd()}/".encode()
    with zipfile.ZipFile(output / f"{folder.name}.zip", "w") as archive:
        for path in sorted(path for path in files if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)))  # of no particular date
            content = path.read_bytes().replace(here, b"")  # in commit_success.txt
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    destination = Path(sys.argv[1]).absolute()
    destination.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # so that no path of this machine comes into a config
        main(destination)
