"""The documentation: its site builds, and the config fields that it names exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mript_jax.config import base_config, flatten_config, load_config_file
from mript_jax.fields import fields_of
from mript_jax.models import MODELS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "launch").rglob("*.sh")]
# Configs inside a study's.
IN_STUDIES = r"(experiment|tuning|runs\.\w+|pretraining\.\w+|conditions\.\w+)\."


def test_overrides_in_the_documentation_name_fields_that_exist():
    known = set(flatten_config(base_config())) | {"a.b"}
    known.add("model")  # --config.model=unet: that model with its defaults
    known |= set(load_config_file("studies/equal_time"))  # fields of a study itself
    for model in MODELS.values():
        known |= set(fields_of(model, "model."))
    named = {
        (page.name, re.sub(rf"^{IN_STUDIES}", "", name))
        for page in PAGES
        for name in re.findall(r"--config\.([\w.]+\w)=", page.read_text())
    }
    assert len(named) > 20
    assert {(page, name) for page, name in named if name not in known} == set()


@pytest.mark.slow
def test_documentation_site_builds_without_a_broken_link(tmp_path):
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert "ReconstructionModel" in (tmp_path / "api" / "models" / "index.html").read_text()
