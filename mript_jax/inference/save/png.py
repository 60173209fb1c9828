"""A preview: rows of slices, zero-filled, reconstructed, and the reference if there is one."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from mript_jax.inference.save.atomic import atomic_file
from mript_jax.inference.volumes import ReconstructedVolume

PREVIEW_SLICES = 3
PREVIEW_SIZE = 224  # pixels that a slice takes at least; small ones are enlarged
TITLE_HEIGHT = 24
NOTE_HEIGHT = 18


def write(folder: Path, result: ReconstructedVolume) -> list[Path]:
    """Write NAME.png."""
    path = folder / f"{result.name}.png"
    texts = PngInfo()
    for key, value in result.facts().items():
        texts.add_text(key, str(value))
    with atomic_file(path) as temporary:
        _preview(result).save(temporary, "PNG", pnginfo=texts)
    return [path]


def _preview(result: ReconstructedVolume) -> Image.Image:
    """Rows of slices: zero-filled, each method, and reference and error where there is one."""
    chosen = np.linspace(0, len(result.reconstruction) - 1, PREVIEW_SLICES + 2).astype(int)[1:-1]
    rows = []
    for i in dict.fromkeys(chosen.tolist()):
        row = _row(result, i)
        brightest = np.percentile(row.get("reference", row["zero-filled"]), 99.5)
        scale = 255 / max(brightest, 1e-12)
        rows.append({name: np.clip(scale * image, 0, 255) for name, image in row.items()})
    enlarged = -(-PREVIEW_SIZE // max(result.reconstruction.shape[1:]))
    height, width = (n * enlarged for n in result.reconstruction.shape[1:])
    notes = [result.trust.summary(), *result.warnings()] if result.trust else []
    size = (width * len(rows[0]), TITLE_HEIGHT + height * len(rows) + NOTE_HEIGHT * len(notes))
    sheet = Image.new("L", size)
    draw = ImageDraw.Draw(sheet)
    for column, name in enumerate(rows[0]):
        draw.text((column * width + 6, 4), name, fill=255, font=ImageFont.load_default(14))
        for number, row in enumerate(rows):
            picture = Image.fromarray(row[name].astype(np.uint8)).resize((width, height))
            sheet.paste(picture, (column * width, TITLE_HEIGHT + number * height))
    for number, text in enumerate(notes):
        top = TITLE_HEIGHT + height * len(rows) + NOTE_HEIGHT * number
        draw.text((6, top + 2), text, fill=255, font=ImageFont.load_default(12))
    return sheet


def _row(result: ReconstructedVolume, i: int) -> dict[str, np.ndarray]:
    """The pictures of a slice, by title."""
    main = result.provenance.method if result.others else "reconstruction"
    row = {"zero-filled": result.zero_filled[i], _title(main): result.reconstruction[i]}
    row |= {_title(other.provenance.method): other.images[i] for other in result.others}
    if result.trust and result.trust.uncertainty is not None:
        row["4 x uncertainty"] = 4 * result.trust.uncertainty[i]
    if result.reference is not None:
        row["reference"] = result.reference[i]
        row["4 x error"] = 4 * np.abs(result.reconstruction[i] - result.reference[i])
    return row


def _title(method: str) -> str:
    return method.replace("_", "-")
