"""A preview: rows of slices, zero-filled, reconstructed, and the reference if there is one."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from mript_jax.inference.provenance import Provenance
from mript_jax.inference.save.atomic import atomic_file
from mript_jax.inference.uncertainty import ABOUT
from mript_jax.inference.volumes import ReconstructedVolume

PREVIEW_SLICES = 3
PREVIEW_SIZE = 224  # pixels that a slice takes at least; small ones are enlarged
HEAD_HEIGHT = 42
NOTE_HEIGHT = 18
MARGIN = 6
FEWEST_LETTERS = 20  # on a line of notes, below images however narrow
TITLES = {  # of methods whose names are short
    "tv": "total variation",
    "wavelet": "wavelets",
    "sense": "SENSE",
    "zero_filled": "zero-filled",
}


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
    """Rows of slices: zero-filled, the methods, and reference and error where there is one.

    The method that is the result stands last, beside its uncertainty or the reference.
    """
    last = len(result.reconstruction) - 1
    chosen = np.unique(np.linspace(0, last, PREVIEW_SLICES + 2).astype(int)[1:-1])  # [R]
    methods = {"zero-filled": result.zero_filled}
    main, *others = result.by_method()
    methods |= {_title(of.provenance): of.reconstruction for of in (*others, main)}
    columns = {title: images[chosen] for title, images in methods.items()}  # each [R, H, W]
    if result.trust and result.trust.uncertainty is not None:
        columns["4 x uncertainty"] = 4 * result.trust.uncertainty[chosen]
    psnrs = {}
    if result.reference is not None:
        psnrs = {title: f"{result.mean_psnr(images):.2f} dB" for title, images in methods.items()}
        columns["reference"] = result.reference[chosen]
        error = np.abs(result.reconstruction[chosen] - columns["reference"])
        columns[f"4 x error of {_title(result.provenance)}"] = 4 * error
    shown = columns.get("reference", columns["zero-filled"])
    brightest = np.percentile(shown, 99.5, axis=(1, 2), keepdims=True)  # [R, 1, 1]
    heads = [f"{title}\n{psnrs.get(title, '')}" for title in columns]
    grays = [
        np.clip(255 * images / np.maximum(brightest, 1e-12), 0, 255).astype(np.uint8)
        for images in columns.values()
    ]
    notes = [result.trust.summary(), *result.warnings()] if result.trust else []
    if "4 x uncertainty" in columns:
        notes.append(f"uncertainty: {ABOUT}")
    if psnrs:
        notes.append(f"PSNR: mean of {last + 1} slices" if last else "PSNR: of the slice")
    return _sheet(heads, grays, notes)


def _sheet(heads: Sequence[str], grays: Sequence[np.ndarray], notes: Sequence[str]) -> Image.Image:
    """Columns of pictures [R, H, W] below their heads, and above notes."""
    rows, *shape = grays[0].shape
    enlarged = -(-PREVIEW_SIZE // max(shape))
    height, width = (n * enlarged for n in shape)
    large, small = (ImageFont.load_default(size) for size in (14, 12))
    letters = int((width * len(heads) - 2 * MARGIN) / small.getlength("n"))
    lines = [line for note in notes for line in textwrap.wrap(note, max(letters, FEWEST_LETTERS))]
    bottom = HEAD_HEIGHT + height * rows
    sheet = Image.new("L", (width * len(heads), bottom + NOTE_HEIGHT * len(lines)))
    draw = ImageDraw.Draw(sheet)
    for column, (head, gray) in enumerate(zip(heads, grays, strict=True)):
        draw.text((column * width + MARGIN, 4), head, fill=255, font=large)
        for row, picture in enumerate(gray):
            place = (column * width, HEAD_HEIGHT + row * height)
            sheet.paste(Image.fromarray(picture).resize((width, height)), place)
    for number, line in enumerate(lines):
        draw.text((MARGIN, bottom + NOTE_HEIGHT * number + 2), line, fill=255, font=small)
    return sheet


def _title(provenance: Provenance) -> str:
    """The name of the weights, or of a method without, in words."""
    method = provenance.method
    name = provenance.checkpoint.removesuffix(".safetensors")
    return name or TITLES.get(method, method) or "reconstruction"
