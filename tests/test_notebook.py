"""The notebook: its cells run with the kernel's own Python, from a checkout or on Colab."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = json.loads((ROOT / "launch" / "colab.ipynb").read_text())
CELLS = ["".join(c["source"]) for c in NOTEBOOK["cells"] if c["cell_type"] == "code"]


def start(folder, repository=""):
    """Runs the first cell in a folder, without its installation; prints where it ends."""
    lines = CELLS[0].replace('REPOSITORY = ""', f"REPOSITORY = {repository!r}").splitlines()
    code = "\n".join(line for line in lines if line[:1] not in "%!")
    return subprocess.run(
        [sys.executable, "-c", f"{code}\nprint(os.getcwd())"],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_cells_use_the_python_of_the_kernel():
    calls = [line for cell in CELLS for line in cell.splitlines() if line.startswith("!")]
    assert calls and all(line.startswith('!"{sys.executable}" launch/') for line in calls)
    for line in calls:
        assert (ROOT / line.split()[1]).is_file()


@pytest.mark.parametrize("folder", [".", "launch"])
def test_notebook_of_a_checkout_runs_at_its_root(folder):
    assert Path(start(ROOT / folder).stdout.strip()) == ROOT


def test_notebook_without_a_checkout_names_what_it_needs(tmp_path):
    result = start(tmp_path)
    assert result.returncode == 1 and result.stderr.startswith("set REPOSITORY to the address")


def test_notebook_clones_the_repository_it_is_given(tmp_path):
    source = tmp_path / "source"
    (source / "mript_jax").mkdir(parents=True)
    for name in ("setup.cfg", "mript_jax/__init__.py"):
        (source / name).write_text("")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], cwd=source, check=True)
    (tmp_path / "colab").mkdir()
    result = start(tmp_path / "colab", f"file://{source}")
    assert Path(result.stdout.strip()) == tmp_path / "colab" / "checkout"
    again = start(tmp_path / "colab", "file:///nowhere")
    assert again.stdout == result.stdout
