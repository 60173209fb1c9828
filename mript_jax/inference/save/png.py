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
    """Rows of slices: zero-filled, reconstruction, and reference and error where there is one."""
    chosen = np.linspace(0, len(result.reconstruction) - 1, PREVIEW_SLICES + 2).astype(int)[1:-1]
    rows = []
    for i in dict.fromkeys(chosen.tolist()):
        row = {"zero-filled": result.zero_filled[i], "reconstruction": result.reconstruction[i]}
        if result.reference is not None:
            row["reference"] = result.reference[i]
            row["4 x error"] = 4 * np.abs(row["reconstruction"] - row["reference"])
        brightest = np.percentile(row.get("reference", row["zero-filled"]), 99.5)
        scale = 255 / max(brightest, 1e-12)
        rows.append({name: np.clip(scale * image, 0, 255) for name, image in row.items()})
    enlarged = -(-PREVIEW_SIZE // max(result.reconstruction.shape[1:]))
    height, width = (n * enlarged for n in result.reconstruction.shape[1:])
    sheet = Image.new("L", (width * len(rows[0]), TITLE_HEIGHT + height * len(rows)))
    draw = ImageDraw.Draw(sheet)
    for column, name in enumerate(rows[0]):
        draw.text((column * width + 6, 4), name, fill=255, font=ImageFont.load_default(14))
        for number, row in enumerate(rows):
            picture = Image.fromarray(row[name].astype(np.uint8)).resize((width, height))
            sheet.paste(picture, (column * width, TITLE_HEIGHT + number * height))
    return sheet
