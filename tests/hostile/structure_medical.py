"""Damage to DICOM and NIfTI files that leaves the format intact."""

import gzip
import random
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

TAGS = (
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "BitsStored"),
    *("HighBit", "PixelRepresentation", "PhotometricInterpretation", "RescaleSlope"),
    *("RescaleIntercept", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *("SliceThickness", "SpacingBetweenSlices", "InstanceNumber", "SeriesInstanceUID"),
    *("PatientID", "Modality", "SeriesDescription", "PixelData", "SOPClassUID", "StudyInstanceUID"),
    *("SOPInstanceUID", "PlanarConfiguration", "PixelValueTransformationSequence", "WindowWidth"),
)
ODD = (
    *(b"", b"\0\0", b"\1\0", b"\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\xff", b"-1", b"0", b"nan "),
    *(b"1e999 ", b"abc ", b"1\\2 ", b"1\\2\\3 ", b"1\\0\\0\\0\\1\\0 ", b"\xff\xfe", b"\\\\"),
    *(b"9" * 80, b"65535 ", b"99999999999 ", b"0\\0\\0\\0\\0\\0 ", b"nan\\0\\0 ", b"inf\\0\\0 "),
    *(b"MONOCHROME1 ", b"RGB ", b"PALETTE COLOR ", b"1.2.3.4", b"\x1b$B", b"; DROP", b"1.5 "),
    *(b"MR", b"CT", b"a" * 300),
)


LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"}
UNDEFINED = 2**32 - 1  # length of packed pixels

Elements = dict[tuple[int, int], tuple[bytes, bytes]]  # (group, element) -> VR, value


def dicom_element(path: Path, rng: random.Random) -> None:
    """Odd bytes in an element that the reader goes by."""

    def edit(elements: Elements) -> None:
        tag, vr = known(rng.choice(TAGS))
        vr = vr if rng.random() < 0.8 else rng.choice((b"UN", b"OB", b"US", b"DS", b"SQ", b"AT"))
        elements[tag] = (vr, rng.choice(ODD))

    _edit(path, edit)


def dicom_gone(path: Path, rng: random.Random) -> None:
    _edit(path, lambda elements: elements.pop(known(rng.choice(TAGS))[0], None))


def dicom_size(path: Path, rng: random.Random) -> None:
    """Rows, columns, frames or bits that do not fit the pixels."""
    name = rng.choice(("Rows", "Columns", "NumberOfFrames", "BitsAllocated", "SamplesPerPixel"))
    number = rng.choice((0, 1, 2, 3, 5, 8, 12, 32, 64, 4096, 65_535))
    tag, vr = known(name)
    value = str(number).encode() if vr == b"IS" else struct.pack("<H", number)
    _edit(path, lambda elements: elements.update({tag: (vr, value)}))


def dicom_syntax(path: Path, rng: random.Random) -> None:
    """Another transfer syntax than the pixels have."""
    import pydicom

    syntaxes = (str(uid) for uid in pydicom.uid.AllTransferSyntaxes)
    uid = rng.choice((*syntaxes, "1.2.3", "")).encode()
    _edit(path, lambda elements: elements.update({(2, 0x10): (b"UI", uid)}))


def dicom_pixels(path: Path, rng: random.Random) -> None:
    """More or fewer pixels than the header names."""

    def edit(elements: Elements) -> None:
        vr, pixels = elements.pop(PIXELS)
        half = pixels[: len(pixels) // 2]
        changed = rng.choice((b"", half, pixels * 2, pixels + b"\0\0", pixels[:-2], None))
        if changed is not None:
            elements[PIXELS] = vr, changed

    _edit(path, edit)


DICOM = {
    "element": dicom_element,
    "gone": dicom_gone,
    "size": dicom_size,
    "syntax": dicom_syntax,
    "number of pixels": dicom_pixels,
}
DICOM_OTHER_CONTENT = {"element", "gone", "syntax", "size"}
PIXELS = (0x7FE0, 0x10)


def known(name: str) -> tuple[tuple[int, int], bytes]:
    import pydicom  # not everywhere; NIfTI's damages do without

    number = pydicom.datadict.tag_for_keyword(name)
    assert number is not None
    vr = pydicom.datadict.dictionary_VR(number).split(" or ")[-1].encode()
    return (number >> 16, number & 0xFFFF), vr


def find_elements(data: bytes) -> dict[tuple[int, int], range]:
    """Where each element lies, with its tag."""
    place, spans = 132, {}
    while place < len(data):
        group, element, vr = struct.unpack_from("<HH2s", data, place)
        form, skip = ("<I", 8) if vr in LONG else ("<H", 6)
        (length,) = struct.unpack_from(form, data, place + skip)
        stop = place + skip + struct.calcsize(form) + length
        stop = len(data) if length == UNDEFINED else stop
        spans[group, element] = range(place, stop)
        place = stop
    return spans


def _edit(path: Path, edit: Callable[[Elements], object]) -> None:
    """Rewrite a file of explicit VR and little endian; each element as its bytes say."""
    data = path.read_bytes()
    elements: Elements = {}
    for tag, span in find_elements(data).items():
        vr = data[span.start + 4 : span.start + 6]
        start = span.start + (12 if vr in LONG else 8)
        elements[tag] = vr, data[start : span.stop]
    packed = data[start - 4 : start] == struct.pack("<I", UNDEFINED)
    edit(elements)
    parts = {2: b"", 0: b""}  # the first group has its own length
    for (group, element), (vr, value) in sorted(elements.items()):
        if (group, element) == (2, 0):
            continue
        value += b"\0" * (len(value) % 2)
        undefined = packed and (group, element) == PIXELS and vr in LONG
        length = UNDEFINED if undefined else len(value)
        head = struct.pack("<HH2s", group, element, vr)
        head += struct.pack("<HI", 0, length) if vr in LONG else struct.pack("<H", length)
        parts[2 if group == 2 else 0] += head + value
    length_of_group = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(parts[2]))
    path.write_bytes(data[:132] + length_of_group + parts[2] + parts[0])


FIELDS = {  # of the header of NIfTI-1: offset, struct's letter
    "sizeof_hdr": (0, "i"),
    **{f"dim{i}": (40 + 2 * i, "h") for i in range(8)},
    "datatype": (70, "h"),
    "bitpix": (72, "h"),
    **{f"pixdim{i}": (76 + 4 * i, "f") for i in range(5)},
    "vox_offset": (108, "f"),
    "scl_slope": (112, "f"),
    "scl_inter": (116, "f"),
    "qform_code": (252, "h"),
    "sform_code": (254, "h"),
    **{f"quatern{i}": (256 + 4 * i, "f") for i in range(6)},
    **{f"srow{i}": (280 + 4 * i, "f") for i in range(12)},
    "magic": (344, "i"),
    "extension": (348, "i"),
}
SHORTS = (0, 1, 2, 3, 4, 5, 7, 8, 16, 32, 64, 128, 256, 512, 768, 1024, 1792, 2304, -1, 32_767)
FLOATS = (0.0, 1.0, -1.0, np.nan, np.inf, 1e30, -1e30, 1e-30, 348.0, 352.0, 353.0, 2.0**31, 0.5)


def nifti_field(path: Path, rng: random.Random) -> None:
    """An odd number in one field of the header."""
    offset, letter = FIELDS[rng.choice(list(FIELDS))]
    number = rng.choice(FLOATS) if letter == "f" else rng.choice(SHORTS)
    _rewrite(path, lambda data: struct.pack_into("<" + letter, data, offset, number))


def nifti_size(path: Path, rng: random.Random) -> None:
    """Other sides than the voxels have."""

    def edit(data: bytearray) -> None:
        for i in rng.sample(range(5), rng.randint(1, 3)):
            number = rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 100, 5000, 32_767, -1))
            struct.pack_into("<h", data, 40 + 2 * i, number)

    _rewrite(path, edit)


def nifti_type(path: Path, rng: random.Random) -> None:
    """Another type of voxels, with the bits that it has."""
    code, bits = rng.choice(((2, 8), (4, 16), (8, 32), (16, 32), (32, 64), (64, 64), (128, 24)))
    _rewrite(path, lambda data: struct.pack_into("<hh", data, 70, code, bits))


def nifti_unusable(path: Path, rng: random.Random) -> None:
    """Voxels that are not numbers, in a sound file of floats."""

    def edit(data: bytearray) -> None:
        count = (len(data) - 352) // 4
        struct.pack_into("<hh", data, 70, 16, 32)
        code = struct.unpack_from("<h", data, 70)
        assert code == (16,)
        voxels = np.frombuffer(data, "<f4", count, 352)
        voxels[rng.randrange(count)] = rng.choice((np.nan, np.inf, -np.inf))

    _rewrite(path, edit)


def nifti_bomb(path: Path, rng: random.Random) -> None:
    """Zeros, packed, of which a header names billions."""
    data = bytearray(_unpack(path)[:352])
    for i, number in enumerate((3, 1000, 1000, rng.choice((100, 1000, 20_000)), 1)):
        struct.pack_into("<h", data, 40 + 2 * i, number)
    bytes_there = rng.choice((10_000, 10_000_000))
    path.write_bytes(gzip.compress(bytes(data) + bytes(bytes_there), 1, mtime=0))


NIFTI = {
    "field": nifti_field,
    "size": nifti_size,
    "type": nifti_type,
    "unusable numbers": nifti_unusable,
}
NIFTI_OTHER_CONTENT = {"field", "type", "size", "unusable numbers"}


def _unpack(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def _rewrite(path: Path, edit) -> None:
    data = bytearray(_unpack(path))
    edit(data)
    if path.suffix == ".gz":
        data = gzip.compress(bytes(data), 1, mtime=0)
    path.write_bytes(data)
