"""User errors end in one readable line and exit status 2, whatever the command."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from mript_jax.checkpoint import save_params
from mript_jax.config import load_config_file
from mript_jax.data.phantom.volume import write_fastmri_h5

ROOT = Path(__file__).parents[2]

TINY = f"--config={ROOT / 'configs' / 'mript_tiny.py'}"
SMALL = (  # where the network is made
    f"--config={ROOT / 'configs' / 'unet.py'}",
    *("--config.model.features=4", "--config.model.pools=1"),
)
SCRIPTS = sorted(path.name for path in (ROOT / "launch").glob("*.py"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Wrong inputs that users pass to the commands, beside right ones."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "empty").mkdir()
    (folder / "notes.txt").write_text("not a scan")
    (folder / "broken.py").write_text("def get_config(:")
    (folder / "model.pt").write_bytes(b"not a checkpoint")
    (folder / "weights.npz").write_bytes(b"PK but not an archive")
    write_fastmri_h5(folder / "good.h5", 0, 0, slices=1, size=32)
    whole = (folder / "good.h5").read_bytes()
    (folder / "truncated").mkdir()
    (folder / "truncated" / "scan.h5").write_bytes(whole[: len(whole) // 2])
    (folder / "other").mkdir()
    with h5py.File(folder / "other" / "scan.h5", "w") as file:
        file["something"] = np.zeros(3)
    save_params(folder / "checkpoint", {"w": np.zeros(1)}, load_config_file(TINY.split("=")[1]))
    return folder


def is_one_readable_line(result, *words):
    assert result.status == 2, result
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), result.stderr
    for word in words:
        assert word in lines[0], lines[0]
    return True


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_of_every_command_shows_its_use(launch, script):
    result = launch(script, "--help")
    assert result.status == 0
    assert f"python launch/{script}" in result.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_unknown_flag_is_refused(launch, script):
    assert is_one_readable_line(launch(script, "--no_such_flag=1"), "no_such_flag")


@pytest.mark.parametrize("script", [s for s in SCRIPTS if s not in ("doctor.py", "benchmark.py")])
def test_missing_required_flag_is_named(launch, script):
    assert is_one_readable_line(launch(script), "--")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--config=no/such/config.py"], ["no/such/config.py"]),
        (["--config={files}/broken.py"], ["broken.py"]),
        ([TINY, "--config.total_stepz=5"], ["total_stepz", "total_steps"]),
        ([TINY, "--config.optimizer.lr=1"], ["'optimizer.learning_rate'"]),
        ([TINY, "--config.model=unett"], ["'unet'"]),
        ([TINY, "--print_config", "--config.model.dtype=float16"], ["float16", "bfloat16"]),
        ([TINY, "--config.seed=1", "--print_config", "--config.mesh=data:3"], ["data:3"]),
        ([TINY, "--print_config", "--config.model.dtype=float17"], ["float17", "float16"]),
        (["--config.total_steps=0", TINY], ["total_steps", "0"]),
        (["--config.total_steps=5"], ["--config is needed"]),
        ([TINY, "--config.optimizer.learning_rat=1"], ["learning_rat"]),
        ([TINY, "--config.total_steps=many"], ["many"]),
        ([TINY, "--config.data.image_size=wide"], ["wide"]),
        ([TINY, "--config.total_steps=0"], ["total_steps", "0"]),
        ([TINY, "--config.optimizer.learning_rate=-1.0"], ["learning_rate"]),
        ([TINY, "--config.loss=l3"], ["l3", "l1"]),
        ([TINY, "--config.optimizer.name=adamm"], ["adamm", "adam"]),
        ([TINY, "--config.optimizer.schedule=cosin"], ["cosin", "cosine"]),
        ([TINY, "--config.model.name=mirpt"], ["mirpt", "mript"]),
        ([TINY, "--config.model.mode=types"], ["types", "type"]),
        ([TINY, "--config.model.heads=5"], ["heads", "5"]),
        ([TINY, "--config.model.dtype=float17"], ["float17"]),
        ([TINY, "--config.model.patch_size=0"], ["patch_size", "0"]),
        ([TINY, "--config.mesh=data:3"], ["data:3"]),
        ([TINY, "--config.mesh=dta:1"], ["dta"]),
        ([TINY, "--config.optimizer.micro_batch_size=3"], ["micro_batch_size", "3"]),
        ([TINY, "--config.data.source=fastmr"], ["fastmr", "fastmri"]),
        ([TINY, "--config.data.patterns=('cartesian_randm',)"], ["cartesian_randm"]),
        ([TINY, "--config.data.accelerations=(2.0, 4.0)"], ["accelerations"]),
        (
            [TINY, "--config.data.center_fractions=(0.6, 0.08, 0.06, 0.04, 0.02)"],
            ["0.6"],
        ),
        ([*SMALL, "--config.init_from=no/such/run"], ["no/such/run"]),
        ([*SMALL, "--config.data.source=fastmri", "--config.data.path=nowhere"], ["nowhere"]),
        ([*SMALL, "--config.data.source=fastmri", "--config.data.path={files}/empty"], ["empty"]),
        (
            [*SMALL, "--config.data.source=fastmri", "--config.data.path={files}/truncated"],
            ["scan.h5"],
        ),
        (
            [*SMALL, "--config.data.source=arrayrecord", "--config.data.path={files}/empty"],
            ["empty"],
        ),
        ([TINY, "spare"], ["spare"]),
    ],
)
def test_training_user_errors_are_named(launch, files, tmp_path, arguments, words):
    arguments = [a.format(files=files) for a in arguments]
    result = launch("train.py", f"--workdir={tmp_path / 'run'}", *arguments)
    assert is_one_readable_line(result, *words)


def test_a_workdir_that_is_a_file(launch, files):
    assert is_one_readable_line(
        launch("train.py", TINY, f"--workdir={files / 'notes.txt'}"), "notes.txt"
    )


@pytest.mark.parametrize("script", ["evaluate.py", "reconstruct.py", "export.py"])
@pytest.mark.parametrize("checkpoint", ["missing", "empty", "notes.txt", "good.h5"])
def test_folder_without_a_checkpoint_is_refused(launch, files, tmp_path, script, checkpoint):
    arguments = [f"--checkpoint={files / checkpoint}", f"--output={tmp_path / 'out'}"]
    if script == "reconstruct.py":
        arguments.append(f"--input={files / 'good.h5'}")
    assert is_one_readable_line(launch(script, *arguments), checkpoint)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--config.evaluation.protocol=mript"], ["mript", "mript_paper"]),
        (["--config.evaluation.split=tset"], ["tset", "test"]),
        (["--config.evaluation.batch_size=0"], ["batch_size"]),
        (["--config.evaluation.no_such=0"], ["no_such"]),
        (["--config.data.source=fastmri", "--config.data.path={files}/empty"], ["empty"]),
    ],
)
def test_evaluation_user_errors_are_named(launch, files, tmp_path, arguments, words):
    arguments = [a.format(files=files) for a in arguments]
    result = launch(
        "evaluate.py", f"--checkpoint={files / 'checkpoint'}", f"--output={tmp_path}", *arguments
    )
    assert is_one_readable_line(result, *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--input={files}/missing.h5"], ["missing.h5"]),
        (["--input={files}/empty"], ["empty"]),
        (["--input={files}/truncated/scan.h5"], ["scan.h5"]),
        (["--input={files}/other/scan.h5"], ["scan.h5", "kspace"]),
        (["--input={files}/notes.txt"], ["notes.txt"]),
        (["--input={files}/good.h5", "--pattern=cartesian_randm"], ["cartesian_randm"]),
        (["--input={files}/good.h5", "--acceleration=0.5"], ["0.5"]),
        (["--input={files}/good.h5", "--format=dcm"], ["dcm"]),
        (["--input={files}/good.h5", "--method=tvv"], ["tvv", "tv"]),
        (["--input={files}/good.h5", "--save=nifty"], ["nifty", "nifti"]),
        (["--input={files}/good.h5", "--option=skip_end=1"], ["skip_end", "skip_ends"]),
        (["--input={files}/good.h5", "--option=skip_ends"], ["skip_ends", "name=value"]),
    ],
)
def test_reconstruction_user_errors_are_named(launch, files, tmp_path, arguments, words):
    arguments = [a.format(files=files) for a in arguments]
    result = launch(
        "reconstruct.py", f"--checkpoint={files / 'checkpoint'}", f"--output={tmp_path}", *arguments
    )
    assert is_one_readable_line(result, *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format=fastmr", "--input={files}/empty"], ["fastmr", "fastmri"]),
        (["--format=fastmri", "--input={files}/empty"], ["empty"]),
        (["--format=images", "--input={files}/empty"], ["empty"]),
        (["--format=fastmri", "--input={files}/nowhere"], ["nowhere"]),
        (["--format=phantom", "--shard=3/2"], ["3/2"]),
        (["--format=phantom", "--size=-4"], ["-4"]),
        (["--format=phantom", "--count=0"], ["0"]),
        (["--format=phantom", "--splits=0.8,0.8"], ["0.8, 0.8"]),
        (["--format=phantom", "--workers=-1"], ["workers"]),
        (["--verify"], ["out"]),
    ],
)
def test_preparation_user_errors_are_named(launch, files, tmp_path, arguments, words):
    arguments = [a.format(files=files) for a in arguments]
    result = launch("prepare_data.py", f"--output={tmp_path / 'out'}", *arguments)
    assert is_one_readable_line(result, *words)


@pytest.mark.parametrize("name", ["missing.pt", "model.pt", "weights.npz", "notes.txt", "empty"])
def test_converting_what_is_no_weight_file(launch, files, tmp_path, name):
    result = launch("convert.py", f"--input={files / name}", f"--output={tmp_path / 'out'}")
    assert is_one_readable_line(result, name)


def test_converting_back_needs_a_checkpoint(launch, files, tmp_path):
    result = launch(
        "convert.py", "--to=torch", f"--input={files / 'empty'}", f"--output={tmp_path / 'm.npz'}"
    )
    assert is_one_readable_line(result, "empty")


def test_phantom_user_errors_are_named(launch, tmp_path):
    assert is_one_readable_line(
        launch("make_phantoms.py", f"--output={tmp_path}", "--volumes=0"), "volumes"
    )
