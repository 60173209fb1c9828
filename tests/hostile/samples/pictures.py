"""Pictures: PNG, TIFF and JPEG, and RadImageNet's folders of them."""

import csv
import functools
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.hostile import structure_pictures, structure_tables
from tests.hostile.samples.sample import ENDLESS, Damage, Sample, Spans, source

# Pictures


def pixels(seed: int, deep: bool = False) -> np.ndarray:
    most = 2**16 if deep else 2**8
    dtype = np.uint16 if deep else np.uint8
    return np.random.default_rng(seed).integers(0, most, (9, 12), dtype)


def _pictures(folder: Path, suffix: str, deep: bool = False, **options: Any) -> None:
    for name, seed in (("good", 1), ("hit", 0)):
        Image.fromarray(pixels(seed, deep)).save(folder / f"{name}.{suffix}", **options)


def _recognize_picture(path: Path) -> None:
    Image.open(path).close()


def _picture_sample(
    suffix: str,
    structure: Mapping[str, Damage],
    other: set[str],
    unprotected: Callable[[Path], Spans],
    **options: Any,
) -> Sample:
    return Sample(
        write=functools.partial(_pictures, suffix=suffix, **options),
        target=f"hit.{suffix}",
        open=source("images"),
        recognize=_recognize_picture,
        structure=structure,
        other_content=frozenset(other),
        unprotected=unprotected,
        says_length=suffix != "tif",
    )


def _png_sample(**options: Any) -> Sample:
    structure, other = structure_pictures.PNG, structure_pictures.PNG_OTHER_CONTENT
    return _picture_sample("png", structure, other, lambda path: [], **options)


def _tiff_values(path: Path) -> Spans:
    with Image.open(path) as picture:
        starts, lengths = picture.tag_v2[273], picture.tag_v2[279]
    (strips,) = [range(a, a + n) for a, n in zip(starts, lengths, strict=True)]
    assert strips.stop == path.stat().st_size
    data = path.read_bytes()
    start, count = structure_pictures.tiff_entries(data)
    entries = [range(start + 12 * i, start + 12 * i + 12) for i in range(count)]
    said = (256, 257, 258, 279)  # twice: by the number of pixels
    unsaid = [
        e for e in entries if int.from_bytes(data[e.start : e.start + 2], "little") not in said
    ]
    return [*unsaid, range(strips.start, ENDLESS)]


def _jpeg_values(path: Path) -> Spans:
    """All behind the first marker: JPEG has no checksum and no size to hold against."""
    return [range(2, ENDLESS)]


PICTURES = (
    _png_sample(),
    _png_sample(deep=True),
    _picture_sample(
        "tif", structure_pictures.TIFF, structure_pictures.TIFF_OTHER_CONTENT, _tiff_values
    ),
    _picture_sample(
        "jpg", structure_pictures.JPEG, structure_pictures.JPEG_OTHER_CONTENT, _jpeg_values
    ),
)

# RadImageNet


def _radimagenet(folder: Path) -> None:
    rows = []
    for place, number in (("brain/normal", 3), ("brain/normal", 70), ("knee/tear", 4)):
        name = f"MR/{place}/{place[:5]}{number:06d}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        colors = np.stack([pixels(number + i) for i in range(3)], axis=-1)
        Image.fromarray(colors).save(folder / name)
        rows.append((name, place.partition("/")[2]))
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("filename", "label"), *rows])


def _recognize_csv(path: Path) -> None:
    names = next(csv.reader(io.StringIO(path.read_text())))
    assert {"filename", "label"} <= set(names)


RADIMAGENET = (
    Sample(
        write=_radimagenet,
        target="labels.csv",
        open=source("radimagenet", labels="labels.csv", block=1),
        recognize=_recognize_csv,
        structure=structure_tables.CSV,
        own="MR/",
        named=("MR/", "labels"),
        is_list=True,
    ),
    Sample(
        write=_radimagenet,
        target="MR/brain/normal/brain000003.png",
        open=source("radimagenet", block=1),
        recognize=_recognize_picture,
        structure=structure_pictures.PNG,
        other_content=frozenset(structure_pictures.PNG_OTHER_CONTENT),
    ),
)
