"""The page about the golden files."""

from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def test_every_golden_file_is_on_the_page():
    page = (GOLDEN / "README.md").read_text()
    names = {file.name for file in GOLDEN.iterdir() if file.suffix in (".npz", ".py")}
    assert names
    assert not {name for name in names if f"`{name}`" not in page}
