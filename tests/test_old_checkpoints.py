"""Checkpoints of commit a95a87f load, give the same images, resume, and keep their config.

But for one with a prompt that is no more, which is told so.

tests/golden/make_checkpoints.py made them and says what is in each file. A user's checkpoint
outlives every renaming of ours, so the files stay as they are, and a config field that gets another
name is entered in RENAMED, one that is no more in REMOVED: nothing else here is made to fit.
"""

import ast
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import mript_jax
from mript_jax.errors import UserError
from mript_jax.training.loop import train

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "golden" / "checkpoints"
CONFIG = f"--config={ROOT / 'configs' / 'mript_tiny.py'}"
CHECKPOINTS = (
    *("mript_table", "recon_vit", "unet"),
    *("simmim_vit", "simmim_swin", "simmim_swinrec"),
    *("mript_run", "lora_run", "simmim_run"),
)
# As lora_run and simmim_vit, so their images are in the slow tier.
SAME_NETWORKS = ("mript_table", "mript_run", "simmim_run")
RENAMED = {  # a config field's name at a95a87f: its name now
    "data.scale": "data.normalize_by",
    "optimizer.images_at_once": "optimizer.micro_batch_size",
}
REMOVED = (  # config fields that are no more
    "data.fields",  # batches have what the model and the loss read
    *("model.prompt", "model.accelerations"),  # there is the paper's prompt alone
)


@pytest.fixture
def unpack(tmp_path, monkeypatch):
    """Unpacks a stored checkpoint or data set in the current directory; returns its folder."""
    monkeypatch.chdir(tmp_path)  # a run's data.path is relative

    def unpacked(name: str) -> Path:
        with zipfile.ZipFile(FOLDER / f"{name}.zip") as archive:
            archive.extractall(name)
        return Path(name)

    return unpacked


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in SAME_NETWORKS else name
        for name in CHECKPOINTS
    ],
)
def test_old_checkpoint_gives_its_images(name, unpack):
    recon, inputs, expected = mript_jax.load(unpack(name)), stored("inputs"), stored(name)
    assert_close(images_from_kspace(recon), expected["from_kspace"], 1e-6)
    images = [recon(x, mask=m) for x, m in zip(inputs["zero_filled"], inputs["mask"], strict=True)]
    assert_close(np.stack(images), expected["from_zero_filled"], 1e-6)


def test_old_checkpoint_with_the_continuous_prompt_is_refused_in_one_line(unpack):
    checkpoint = unpack("mript_continuous")
    with pytest.raises(UserError, match=r"prompt=continuous is no more: .*unrolled") as told:
        mript_jax.load(checkpoint)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_old_config_means_the_same(name, unpack):
    checkpoint = unpack(name)
    config = json.loads(mript_jax.load(checkpoint).config.to_json_best_effort())
    assert under_old_names(flat(config), checkpoint) == old_config(checkpoint)


def test_old_overrides_mean_the_same(launch, unpack):
    printed = launch("train.py", CONFIG, "--print_config", *old_overrides()).stdout.splitlines()
    config = {name: ast.literal_eval(value) for name, value in (s.split(" = ") for s in printed)}
    config = json.loads(json.dumps(config))  # tuples become lists, as in a checkpoint
    checkpoint = unpack("mript_run")
    assert under_old_names(config, checkpoint) == old_config(checkpoint)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["simmim_run", "lora_run"])
def test_old_run_resumes_with_its_own_config(name, unpack):
    workdir, _ = unpack(name), unpack("slices")
    config = mript_jax.load(workdir).config.unlock()
    config.mesh = "model:-1"  # the batch is not divided over devices: as many micro-batches
    train(config, workdir)
    assert_close(images_from_kspace(mript_jax.load(workdir)), stored(name)["resumed"], 1e-5)


@pytest.mark.slow
def test_old_run_resumes_with_its_old_command_line(launch, unpack):
    workdir, _ = unpack("mript_run"), unpack("slices")
    assert launch("train.py", CONFIG, f"--workdir={workdir}", *old_overrides()).status == 0
    images = images_from_kspace(mript_jax.load(workdir))
    assert_close(images, stored("mript_run")["resumed"], 1e-5)


def stored(name: str) -> dict[str, np.ndarray]:
    return dict(np.load(FOLDER / f"{name}.npz"))


def images_from_kspace(recon) -> np.ndarray:
    """Images [M, S, H, W] of the stored slices under each mask."""
    inputs = stored("inputs")
    return np.stack([recon(inputs["kspace"], mask) for mask in inputs["mask"]])


def assert_close(images: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """The difference's norm is at most so small a part of the images' norm."""
    assert images.shape == expected.shape
    assert np.linalg.norm(images - expected) <= tolerance * np.linalg.norm(expected)


def old_config(checkpoint: Path) -> dict:
    """The fields of a checkpoint's config as they were saved, beside the run."""
    saved = flat(json.loads((checkpoint / "config.json").read_text()))
    return {name: value for name, value in saved.items() if name not in REMOVED}


def under_old_names(config: dict, checkpoint: Path) -> dict:
    """The fields of today's config that a checkpoint's had too."""
    return {name: config[RENAMED.get(name, name)] for name in old_config(checkpoint)}


def old_overrides() -> list[str]:
    """The flags that mript_run was trained with: every field of its config."""
    return json.loads((FOLDER / "overrides.json").read_text())


def flat(config: dict, prefix: str = "") -> dict:
    """The values of all fields, by their names from the top, such as data.path."""
    fields = {}
    for name, value in config.items():
        below = isinstance(value, dict)
        fields |= flat(value, f"{prefix}{name}.") if below else {prefix + name: value}
    return fields
