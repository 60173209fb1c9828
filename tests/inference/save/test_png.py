"""The preview names its pictures for people, with their PSNR where a reference is there."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mript_jax.inference.provenance import Provenance
from mript_jax.inference.save import save_volume
from mript_jax.inference.volumes import OtherMethod, ReconstructedVolume, Trust

SHAPE = (5, 40, 30)  # slices, rows, columns
REFERENCE = np.random.default_rng(0).random(SHAPE).astype(np.float32)
REFERENCE[:, 0, 0] = 1  # the data range


def volume(provenance, others=(), reference=REFERENCE, **fields):
    return ReconstructedVolume(
        name="scan",
        reconstruction=REFERENCE + 0.01,
        zero_filled=REFERENCE + 0.1,
        reference=reference,
        masks=np.ones(SHAPE, np.uint8),
        simulated=True,
        provenance=provenance,
        others=tuple(
            OtherMethod(Provenance(name), REFERENCE + 0.001, np.zeros(SHAPE[0])) for name in others
        ),
        **fields,
    )


@pytest.fixture
def preview(tmp_path, monkeypatch):
    """Saves the preview of a volume; the picture, and what is written on it, by place."""
    said = {}
    draw = ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "text",
        lambda self, place, text, **options: (
            said.update({place: text}),
            draw(self, place, text, **options),
        ),
    )

    def save(result):
        (path,) = save_volume(tmp_path, result, ["png"])
        return np.asarray(Image.open(path)), list(said.values())

    return save


def test_titles_are_names_for_people_with_the_psnr(preview):
    picture, said = preview(volume(Provenance("unrolled", "small"), ["tv"]))
    heads = ["zero-filled\n20.00 dB", "total variation\n60.00 dB", "small\n40.00 dB"]
    assert said == [*heads, "reference\n", "4 x error of small\n", "PSNR: mean of 5 slices"]
    rows, columns = 6 * SHAPE[1], 6 * SHAPE[2]
    top = picture.shape[0] - 18 - 3 * rows
    assert picture.shape == (top + 3 * rows + 18, 5 * columns)
    error = picture[top : top + rows, 4 * columns :]
    assert abs(int(error.max()) - int(0.04 * 255)) <= 1


def test_scan_without_a_reference_has_no_psnr(preview):
    _, said = preview(volume(Provenance("tv"), reference=None))
    assert said == ["zero-filled\n", "total variation\n"]


def test_weights_of_a_file_are_named_without_its_ending(preview):
    _, said = preview(volume(Provenance("unrolled", "knee_0.5.safetensors"), reference=None))
    assert said[1] == "knee_0.5\n"


def test_long_warnings_are_written_on_several_lines(preview):
    residuals = np.zeros(SHAPE[0])
    warning = "the sampling pattern is not among those trained on " * 3
    trust = Trust(residuals, residuals, residuals, 1, warnings=(warning,))
    _, said = preview(volume(Provenance("unrolled"), reference=None, trust=trust))
    assert said[2].startswith("residual") and len(said) > 4
    assert " ".join(said[3:]) == warning.strip()
