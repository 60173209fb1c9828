import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mript_jax.data.readers import images
from mript_jax.data.readers.images import ImageSource, read_gray
from mript_jax.data.records import BrokenRecord
from mript_jax.errors import UserError
from tests.hostile import structure_pictures

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 9), np.uint8)


def save(path, pixels=PIXELS, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "TIFF"])
def test_gray_pictures_come_back_exactly(tmp_path, suffix):
    save(tmp_path / f"a.{suffix}")
    record = ImageSource(str(tmp_path))[0]
    assert record.image.dtype == np.float32
    np.testing.assert_array_equal(record.image, PIXELS)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_deeper_pictures_keep_their_range(tmp_path, dtype):
    pixels = (PIXELS * 250.0).astype(dtype)
    save(tmp_path / "a.tif", pixels)
    np.testing.assert_array_equal(ImageSource(str(tmp_path))[0].image, pixels)


def test_jpeg_comes_back_nearly(tmp_path):
    smooth = np.add.outer(np.arange(32), np.arange(32)).astype(np.uint8)
    save(tmp_path / "a.jpeg", smooth, quality=95)
    np.testing.assert_allclose(ImageSource(str(tmp_path))[0].image, smooth, atol=3)


def test_colors_become_luminance_or_the_first_channel(tmp_path):
    red = np.zeros((4, 5, 3), np.uint8)
    red[..., 0] = PIXELS[:4, :5]
    path = save(tmp_path / "a.png", red)
    np.testing.assert_array_equal(read_gray(path, first_channel=True), PIXELS[:4, :5])
    assert read_gray(path).max() < PIXELS[:4, :5].max()


def test_volumes_are_files_or_folders(tmp_path):
    for name in ("p1/a.png", "p1/b.png", "p2/a.png"):
        save(tmp_path / name)
    assert list(ImageSource(str(tmp_path)).groups) == ["p1/a.png", "p1/b.png", "p2/a.png"]
    by_folder = ImageSource(str(tmp_path), group="folder")
    assert list(by_folder.groups) == ["p1", "p1", "p2"]
    assert [(r.volume, r.slice_index) for r in by_folder] == [("p1", 0), ("p1", 1), ("p2", 0)]
    with pytest.raises(UserError, match="did you mean 'folder'"):
        ImageSource(str(tmp_path), group="folders")


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-40])


def flipped_bit(path):
    data = bytearray(path.read_bytes())
    data[60] ^= 255
    path.write_bytes(data)


def two_pages(path):
    page = Image.fromarray(PIXELS)
    page.save(path, format="TIFF", save_all=True, append_images=[page])


def rewritten(edit):
    """Damage to the chunks of a PNG file, each with a right checksum."""

    def damage(path):
        structure_pictures.write_png(path, edit(structure_pictures.png_chunks(path.read_bytes())))

    return damage


def flipped_pixel(path):
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 30] ^= 1
    path.write_bytes(data)


def higher(chunks):
    (kind, header), *rest = chunks
    return [(kind, header[:4] + struct.pack(">I", 3000) + header[8:]), *rest]


def other_tag(path):
    """Another height in the header of a TIFF file."""
    save(path, format="TIFF")
    data = bytearray(path.read_bytes())
    start, _ = structure_pictures.tiff_entries(bytes(data))
    height = next(start + 12 * i for i in range(9) if data[start + 12 * i] == 1)
    data[height + 8] = 5
    path.write_bytes(data)


BREAK = {
    "cut short": (cut_short, "cannot be read"),
    "flipped bit": (flipped_bit, "cannot be read"),
    "checksum of the pixels": (flipped_pixel, "checksum does not fit"),
    "more rows than pixels": (rewritten(higher), "its pixels take"),
    "no end": (rewritten(lambda chunks: chunks[:-1]), "no end"),
    "strips of other length": (other_tag, "its rows take"),
    "text": (lambda p: p.write_text("no picture"), "cannot be read"),
    "empty": (lambda p: p.write_bytes(b""), "cannot be read"),
    "blank": (lambda p: save(p, np.full((5, 5), 3, np.uint8)), "blank"),
    "nan": (lambda p: Image.fromarray(np.float32([[np.nan, 1]])).save(p, format="TIFF"), "NaN"),
    "pages": (two_pages, "2 pages"),
}


@pytest.mark.parametrize("damage", BREAK)
def test_a_broken_picture_is_told_by_path(tmp_path, damage):
    path = save(tmp_path / "a.png")
    BREAK[damage][0](path)
    with pytest.raises(BrokenRecord, match=BREAK[damage][1]) as caught:
        ImageSource(str(tmp_path))[0]
    assert caught.value.path == str(path)


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MOST_PIXELS", 100)
    save(tmp_path / "a.png")
    with pytest.raises(BrokenRecord, match="9 x 12 pixels"):
        ImageSource(str(tmp_path))[0]


def test_zeros_that_unpack_to_millions_of_pixels_are_refused(tmp_path):
    path, side = save(tmp_path / "a.png"), 2100
    row = bytes(1 + 4 * side)
    packed = zlib.compress(row * side)
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")]
    structure_pictures.write_png(path, chunks)
    with pytest.raises(BrokenRecord, match="decompression bomb"):
        ImageSource(str(tmp_path))[0]


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "I;16"])
@pytest.mark.parametrize("width", [1, 7, 9])
def test_png_of_every_color_type_is_sound(tmp_path, mode, width):
    pixels = np.random.default_rng(width).integers(0, 256, (6, width), np.uint8)
    picture = Image.fromarray(pixels.astype(np.uint16) if mode == "I;16" else pixels)
    (picture if mode == "I;16" else picture.convert(mode)).save(tmp_path / "a.png")
    assert read_gray(tmp_path / "a.png").shape == (6, width)


def test_a_link_out_of_the_folder_is_not_read(tmp_path):
    outside = save(tmp_path / "outside.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "in.png").symlink_to(outside)
    with pytest.raises(BrokenRecord, match="leads out"):
        ImageSource(str(tmp_path / "data"))[0]


def test_formats_that_run_other_programs_are_not_opened(tmp_path):
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    with pytest.raises(BrokenRecord, match="cannot be read"):
        ImageSource(str(tmp_path))[0]
