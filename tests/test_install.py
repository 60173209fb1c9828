"""What `pip install .` installs, and that it works away from the checkout."""

import configparser
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import h5py
import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("mript_jax", "configs", "docs", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
SMALL = {
    "data.image_size": 32,
    "data.options.phantom.size": 32,
    "data.options.phantom.count": 40,
    "data.workers": 1,
    "model.features": 4,
    "model.width": 16,
    "model.depth": 2,
    "model.heads": 2,
    "model.patch_size": 4,
    "model.window": 4,
    "model.global_blocks": (1,),
    "model.decoder_depth": 1,
    "model.decoder_heads": 2,
    "model.decoder_mlp": 16,
    "global_batch_size": 4,
    "total_steps": 2,
}


def test_setup_lists_every_package():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = setup["options"]["packages"].split()
    folders = {path.parent for path in (ROOT / "mript_jax").rglob("*.py")}
    packages = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    of_the_top = {"mript_jax.configs", "mript_jax.configs.studies", "mript_jax.docs"}
    assert sorted(listed) == sorted(packages | of_the_top)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of the commands of an environment with the wheel; dependencies are this one's."""
    folder = tmp_path_factory.mktemp("install")
    (folder / "source").mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / "source" / name)
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*wheel, "--wheel-dir", folder, folder / "source"], check=True)
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    (built,) = folder.glob("*.whl")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", built], check=True)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True)
    others = Path(site.stdout.strip()) / "dependencies.pth"
    others.write_text("\n".join({sysconfig.get_path(p) for p in ("purelib", "platlib")}) + "\n")
    shutil.rmtree(folder / "source")
    return python.parent


@pytest.fixture(scope="module")
def mript(installed, tmp_path_factory):
    """Calls the installed command in an empty folder, which it returns."""
    folder = tmp_path_factory.mktemp("elsewhere")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def call(*arguments):
        result = subprocess.run(
            [installed / "mript", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=folder,
            env=environment
            | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_backend_optimization_level=0"},
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    call.folder = folder
    return call


@pytest.mark.slow
def test_wheel_trains_and_reconstructs_away_from_the_checkout(mript):
    mript("make_phantoms", "--output=scans", "--volumes=1", "--slices=1", "--size=32")
    changes = [f"--config.{name}={value}" for name, value in SMALL.items()]
    assert "trained to step 2" in mript("train", "--config=mript_tiny", "--workdir=run", *changes)
    mript("reconstruct", "--checkpoint=run", "--input=scans", "--output=images")
    with h5py.File(mript.folder / "images" / "phantom_0_000.h5") as file:
        assert file["reconstruction"].shape == (1, 32, 32)


@pytest.mark.slow
def test_wheel_benchmarks_by_a_configs_name(mript):
    assert "unet" in mript("benchmark", "--configs=unet", "--batch=1", "--repeats=1")


@pytest.mark.slow
def test_wheel_passes_the_doctor(mript):
    assert "all that is needed works" in mript("doctor")


@pytest.mark.slow
def test_wheel_holds_what_type_checkers_and_reports_need(installed):
    (package,) = installed.parent.glob("lib/python*/site-packages/mript_jax")
    assert (package / "py.typed").exists()
    assert (package / "evaluation" / "report" / "report.html").exists()


@pytest.mark.slow
def test_wheel_carries_the_cards_of_its_models(mript):
    *_, card = mript("models").split()
    assert Path(card).read_text().startswith("# The model that comes along")
