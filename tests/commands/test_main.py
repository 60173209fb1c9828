"""The `mript` command, as a user calls it from some other folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mript_jax.commands.main import COMMANDS
from mript_jax.data.readers import open_source
from mript_jax.data.readers.describe import describe_source

ROOT = Path(__file__).parents[2]
# What takes a second or more to import, and no help needs.
SLOW_IMPORTS = {"jax", "flax", "orbax", "grain", "scipy", "h5py"}


@pytest.fixture
def mript(tmp_path):
    """Calls `mript` with some arguments; the modules that were imported are its last line."""
    code = (
        "import atexit, sys; atexit.register(lambda: print('\\n' + ' '.join(sys.modules)));"
        "from mript_jax.commands.main import main; main()"
    )

    def call(*arguments):
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
        )

    return call


def imported(result):
    return {name.split(".")[0] for name in result.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_overview_names_every_command(mript, arguments):
    result = mript(*arguments)
    assert result.returncode == 0 and not result.stderr
    named = {line.split()[0] for line in result.stdout.splitlines() if line.startswith("  ")}
    assert named == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_shows_its_usage_and_imports_nothing_slow(mript, name):
    result = mript(name, "--help")
    assert result.returncode == 0 and not result.stderr
    assert f"mript {name}" in result.stdout
    assert not imported(result) & SLOW_IMPORTS


def test_package_import_brings_nothing_slow(mript):
    assert not imported(mript("--version")) & SLOW_IMPORTS


def test_version_is_that_of_the_package(mript):
    import mript_jax

    assert mript("--version").stdout.splitlines()[0] == f"mript_jax {mript_jax.__version__}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], ["'trian'", "did you mean 'train'"]),
        (["nonsense"], ["'nonsense'", "train", "reconstruct"]),
        (["--workdir=runs"], ["'--workdir=runs'"]),
        (["train", "--config=mript_tny"], ["'mript_tny'", "'mript_tiny'"]),
        (["finetune", "--config=mript_fastmri", "--workdir=runs"], ["--config.init_from"]),
        (["benchmark", "nonsense"], ["'nonsense'", "vit_unet"]),
        (["get-phantom", "--format=ismrmd", "--output=a"], ["'ismrmd'", "mean 'ismrmrd'"]),
    ],
)
def test_mistake_is_one_line_and_status_2(launch, tmp_path, arguments, words):
    script = tmp_path / "mript.py"
    script.write_text("from mript_jax.commands.main import main; main()")
    result = launch(str(script), *arguments, folder=tmp_path)
    assert result.status == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ") and all(word in line for word in words), line


@pytest.mark.parametrize("name", ["mript_fastmri:24gb", "configs/mript_fastmri.py:24gb"])
def test_config_is_found_by_name_from_another_folder(launch, tmp_path, name):
    flags = (f"--config={name}", "--print_config", "--config.seed=7")
    told = launch("train.py", *flags, folder=tmp_path)
    assert told.status == 0, told.stderr
    lines = told.stdout.splitlines()
    assert "seed = 7" in lines and "data.source = 'fastmri'" in lines


@pytest.mark.slow
@pytest.mark.parametrize("form", ["fastmri", "ismrmrd", "cfl", "npy"])
def test_phantom_of_each_format_is_written_and_read(mript, tmp_path, form):
    flags = ["--slices=2", "--size=32", "--coils=3", "--acceleration=4", "--seed=1"]
    result = mript("get-phantom", f"--format={form}", f"--output={tmp_path}/head", *flags)
    assert result.returncode == 0, result.stderr
    path, _, said = result.stdout.splitlines()[0].partition(": ")
    assert said == "2 slices, 3 coils, 32 x 32, cartesian_random, acceleration 4"
    reader = {"npy": "numpy"}.get(form, form)
    (line,) = describe_source(open_source(reader, path))
    assert "2 slices, 3 coils, 32 x 32" in line and line.endswith(
        "acceleration 4.0, cartesian random"
    )
