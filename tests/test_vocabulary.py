"""The field's words: docs/glossary.md has them, and this test those that they replace.

Each phrase is one that an earlier version used where MRI, machine learning or JAX has a term.
"""

import functools
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INSTEAD = {  # phrase: the term of the glossary
    r"what was sampled": "undersampling mask",
    r"spoil(s|ing|ed(?! gradient))?": "undersampled; corrupted by an artifact",
    r"the truth": "reference",
    r"how coils see": "coil sensitivity maps",
    r"center block": "autocalibration region",
    r"width of the center": "center fraction",
    r"phase encodes": "phase-encoding lines or direction",
    r"what was measured": "measured samples; data consistency",
    r"put back into k-space": "data consistency",
    r"takes? turns": "data consistency, cascade",
    r"simulated here|undersampled here": "retrospectively undersampled",
    r"mask of the file": "prospectively undersampled",
    r"coil modes?": "single-coil, emulated single-coil, multi-coil",
    r"never seen": "held-out data",
    r"what was trained on": "training data; data leakage",
    r"images at once|images_at_once": "micro-batch",
    r"work(s|ed)? off": "gradient accumulation; computed",
    r"comput(es|ed) again": "rematerialization",
    r"to the same bits|goes on to": "resume bit-exactly",
    r"asked to end": "preempted",
    r"data sets?": "dataset",
    r"what a run wrote": "checkpoint, run directory, artifact",
    r"mistakes?": "user error",
    r"on_batch": "predict",
    r"lay_out|pass_on|in_turn|by_rows|HOW_NOT_WHAT": "the names of notes in docs/glossary.md",
}
EXEMPT = {  # where such words are quoted, or belong to others
    "tests/test_vocabulary.py",
    "docs/glossary.md",
    "CHANGELOG.md",
    "LICENSE",
    "tests/golden/README.md",
    "tests/golden/make_checkpoints.py",  # old names are its subject, and that of the next three
    "tests/test_old_checkpoints.py",
    "tests/config/test_names.py",
    "mript_jax/config/names.py",
}


@functools.cache
def texts() -> dict[Path, str]:
    """The text of each file that has words of ours."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    names = [name for name in listed.stdout.splitlines() if name not in EXEMPT]
    ours = (".py", ".md", ".sh", ".cfg", ".html", ".js")
    paths = [ROOT / name for name in names if name.endswith(ours)]
    return {path: path.read_text() for path in paths if path.exists()}


@pytest.mark.parametrize("phrase", INSTEAD)
def test_vocabulary_of_the_field_is_used_everywhere(phrase):
    pattern = re.compile(rf"\b({phrase})\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path, text in texts().items()
        if pattern.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, f"say {INSTEAD[phrase]!r} instead:\n" + "\n".join(found)


@pytest.mark.parametrize("opening", ["What", "Whether", "How"])
def test_docstrings_open_with_a_noun_phrase_or_an_imperative(opening):
    found = [
        f"{path.relative_to(ROOT)}: {match.group(0)}"
        for path, text in texts().items()
        if path.suffix == ".py" and path.is_relative_to(ROOT / "mript_jax")
        for match in re.finditer(rf'"""{opening}\b.*', text)
    ]
    assert not found, "\n".join(found)
