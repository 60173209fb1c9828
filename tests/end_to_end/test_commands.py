"""The commands one after the other, as a user runs them, on a model that takes seconds."""

import functools
import json
import re
import shutil
import zipfile
from pathlib import Path

import h5py
import jax
import numpy as np
import pytest

import mript_jax
from mript_jax.batch import empty_example, stack
from mript_jax.checkpoint import save_params
from mript_jax.config import load_config_file
from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.inference.export import load_exported
from mript_jax.models import build_model
from mript_jax.physics.fourier import fft2c
from mript_jax.physics.masks import sample_mask

ROOT = Path(__file__).parents[2]
SMALL = {  # of a network that compiles quickly: all go through the same commands
    "data.image_size": 32,
    "model.features": 4,
    "model.pools": 1,
    "global_batch_size": 4,
    "total_steps": 2,
    "evaluation.max_slices": 4,
    "evaluation.batch_size": 4,
}
MRIPT = {
    "data.image_size": 32,
    "model.patch_size": 4,
    "model.features": 4,
    "model.width": 16,
    "model.depth": 1,
    "model.heads": 2,
    "model.window": 4,
    "model.global_blocks": (),
    "model.decoder_depth": 1,
    "model.decoder_heads": 2,
    "model.decoder_mlp": 16,
}


@pytest.fixture(scope="module")
def run(launch, tmp_path_factory):
    """A folder in which phantoms were written, prepared, trained on, evaluated, reconstructed."""
    folder = tmp_path_factory.mktemp("run")
    for command in (
        ["make_phantoms.py", f"--output={folder}/scans", "--volumes=2", "--slices=3", "--size=32"],
        ["prepare_data.py", "--format=phantom", "--count=40", "--size=32", f"--output={folder}/d"],
        [
            "train.py",
            f"--config={ROOT / 'configs' / 'unet.py'}",
            f"--workdir={folder}/run",
            "--config.data.source=arrayrecord",
            f"--config.data.path={folder}/d",
            *(f"--config.{name}={value}" for name, value in SMALL.items()),
        ],
        ["evaluate.py", f"--checkpoint=ours={folder}/run", f"--output={folder}/evaluation"],
        [
            "reconstruct.py",
            f"--checkpoint={folder}/run",
            f"--input={folder}/scans",
            f"--output={folder}/images",
            "--pattern=cartesian_equispaced",
            "--acceleration=3",
        ],
    ):
        result = launch(*command)
        assert result.status == 0, result
    return folder


@pytest.fixture(scope="module")
def mript(random_params, tmp_path_factory):
    """A checkpoint of an MR-IPT with random weights."""
    config = load_config_file("mript_tiny").unlock()
    config.update_from_flattened_dict(MRIPT)
    model = build_model(config.model)
    batch = stack([empty_example((32, 32), model.batch_fields())])
    init = functools.partial(model.init, jax.random.key(0), method="predict")
    folder = tmp_path_factory.mktemp("mript")
    save_params(folder / "run", random_params(jax.eval_shape(init, batch)["params"]), config)
    return folder / "run"


def test_results_have_every_task_and_method(run):
    results = json.loads((run / "evaluation" / "results.json").read_text())
    assert results["protocol"] == "mript_paper" and results["split"] == "test"
    found = {(r["pattern"], r["acceleration"], r["method"]) for r in results["rows"]}
    assert len(found) == len(results["rows"]) == 20 * 2
    assert {row["method"] for row in results["rows"]} == {"ours", "zero_filled"}
    for row in results["rows"]:
        assert row["count"] == 4 and np.isfinite([row["psnr"], row["ssim"], row["nmse"]]).all()


def test_the_report_stands_alone(run):
    page = (run / "evaluation" / "report.html").read_text()
    assert "<script src" not in page and "http" not in page.split("</head>")[0]


def test_reconstructions_are_volumes_in_the_layout_of_fastmri(run):
    for name in ("phantom_0_000", "phantom_0_001"):
        with h5py.File(run / "images" / f"{name}.h5") as file:
            assert file["reconstruction"].shape == (3, 32, 32)
            assert file.attrs["true_acceleration"] == pytest.approx(3, rel=0.2)
        assert (run / "images" / f"{name}.png").stat().st_size > 1000


def test_scans_are_reconstructed_by_the_model_of_the_package_where_none_is_named(launch, tmp_path):
    write_fastmri_h5(tmp_path / "scans.h5", 3, 0, slices=1, size=64)
    result = launch(
        "reconstruct.py",
        f"--input={tmp_path}/scans.h5",
        f"--output={tmp_path}/images",
        "--pattern=gaussian_1d",
    )
    assert result.status == 0, result.stderr
    psnr, zero_filled = map(float, re.findall(r"([\d.]+) dB", result.stdout))
    assert psnr > zero_filled + 2


def test_methods_without_weights_need_no_checkpoint(run, launch, tmp_path):
    result = launch(
        "reconstruct.py",
        f"--input={run}/scans/phantom_0_000.h5",
        f"--output={tmp_path}",
        "--checkpoint=nowhere",
        "--method=zero_filled",
        "--save=npy",
    )
    assert result.status == 0 and not result.stderr, result.stderr
    assert np.load(tmp_path / "phantom_0_000.npy").shape == (3, 32, 32)


def test_folder_with_a_broken_file_ends_with_status_1(run, launch, tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.npy").write_bytes(b"\x93NUMPY and no more")
    shutil.copy(run / "scans" / "phantom_0_000.h5", tmp_path / "scans" / "b")
    arguments = ("--method=zero_filled", "--option=coils=yes", f"--output={tmp_path}/images")
    result = launch("reconstruct.py", f"--input={tmp_path}/scans", *arguments)
    assert result.status == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ") and "a.npy" in line
    assert (tmp_path / "images" / "b.h5").exists()
    assert "1 volume in" in result.stdout and "1 skipped" in result.stdout


@pytest.mark.parametrize("shape", [(32, 32), (2, 32, 32), (3, 40, 27)])
def test_a_loaded_checkpoint_takes_kspace_or_images_of_any_size(run, shape):
    recon = mript_jax.load(run / "run")
    image = np.abs(np.random.default_rng(0).normal(size=shape)).astype(np.float32)
    mask = sample_mask("cartesian_random", shape[-2:], 4, 0.08, 0)
    kspace = fft2c(image) * mask
    result = recon(kspace, mask)
    assert result.shape == shape and result.dtype == np.float32
    np.testing.assert_allclose(recon(kspace), result, atol=1e-5)  # zeros tell the mask
    assert recon(image).shape == shape


def test_untrained_pattern_uses_the_most_similar_trained_one(mript):
    recon = mript_jax.load(mript)
    image = np.random.default_rng(0).random((32, 32), np.float32)
    mask = sample_mask("poisson_disc", (32, 32), 4, 0.08, 0)
    likened, *others = (
        recon(fft2c(image), mask, pattern=pattern, acceleration=4)
        for pattern in ("gaussian_2d", "poisson_disc", "cartesian_random")
    )
    np.testing.assert_array_equal(others[0], likened)
    assert np.abs(others[1] - likened).max() > 0


def test_an_exported_model_is_the_model(launch, mript, tmp_path):
    path = tmp_path / "model.mript"
    assert launch("export.py", f"--checkpoint={mript}", f"--output={path}").status == 0
    exported, recon = load_exported(path), mript_jax.load(mript)
    image = np.abs(np.random.default_rng(1).normal(size=(2, 32, 32))).astype(np.float32)
    mask = sample_mask("gaussian_2d", (32, 32), 4, 0.08, 0)
    kspace = fft2c(image / image.max()) * mask
    batch = {
        "zero_filled": image[..., None],
        "kspace": kspace[:, None].astype(np.complex64),
        "mask": np.stack([mask, mask]),
        "pattern_index": np.array([0, 3], np.int32),
        "level_index": np.array([1, 4], np.int32),
        "acceleration": np.array([4, 10], np.float32),
        "center_fraction": np.array([0.08, 0.02], np.float32),
    }
    expected, _ = recon._run.predict(recon._run.params, batch)
    np.testing.assert_allclose(exported(batch), expected, atol=1e-5)
    with zipfile.ZipFile(path) as archive:
        programs = {name: archive.read(f"{name}.stablehlo") for name in ("cpu", "cuda", "tpu")}
        weights = len(archive.read("weights.safetensors"))
    assert weights > 4 * sum(p.size for p in jax.tree.leaves(recon._run.params))
    assert programs["cpu"] != programs["cuda"]  # heads and tails: a loop, and matrix products
