"""What the package trusts: no code from data files, and the licences of what it installs."""

import ast
import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path for folder in ("mript_jax", "launch", "configs") for path in (ROOT / folder).rglob("*.py")
)
PICKLES = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
# Grain's datasets go to worker processes that the training itself starts, never to a file.
BETWEEN_OWN_PROCESSES = {"mript_jax/data/workers.py": {"cloudpickle"}}


def unsafe(tree):
    """The statements of a program that could run code from a data file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in PICKLES)
        elif isinstance(node, ast.ImportFrom) and node.module in PICKLES:
            yield node.module
        elif isinstance(node, ast.Call):
            name, given = (
                ast.unparse(node.func),
                {k.arg: ast.unparse(k.value) for k in node.keywords},
            )
            if name in ("eval", "exec", "yaml.load", "torch.jit.load", "pandas.read_pickle"):
                yield name
            if name == "torch.load" and given.get("weights_only") != "True":
                yield "torch.load without weights_only"
            if given.get("allow_pickle", "False") != "False":
                yield f"{name} with allow_pickle"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_data_file_can_run_code(path):
    allowed = BETWEEN_OWN_PROCESSES.get(str(path.relative_to(ROOT)), set())
    assert set(unsafe(ast.parse(path.read_text()))) <= allowed


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from dill import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=trusted)",
        "eval(text)",
    ],
)
def test_unsafe_reading_is_recognized(line):
    assert list(unsafe(ast.parse(line)))


def test_licence_of_every_dependency_is_listed():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = setup["options.extras_require"]
    text = setup["options"]["install_requires"] + extras["nifti"] + "\n" + extras["dicom"]
    needed = set(re.findall(r"^\s*([\w-]+)\s*>=", text, re.MULTILINE))
    page = (ROOT / "docs" / "reliability.md").read_text()
    listed = set(re.findall(r"`([\w-]+)`", page.split("## Dependencies")[1]))
    assert needed and needed <= listed
