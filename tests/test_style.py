"""Habits of the code that hold for every file of the package."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path for folder in ("mript_jax", "launch", "configs") for path in (ROOT / folder).rglob("*.py")
)
MOST_POSITIONAL = 4  # arguments: of more nobody knows which is which


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_calls_name_their_arguments_from_the_fifth_on(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    long = [f"line {c.lineno}: {ast.unparse(c)}" for c in calls if len(c.args) > MOST_POSITIONAL]
    assert not long
