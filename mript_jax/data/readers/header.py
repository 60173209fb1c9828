"""The ISMRMRD header of a scan: XML with the sizes of k-space and of the image, in mm too."""

import math
import xml.etree.ElementTree as ElementTree
from typing import Any

LARGEST_SIDE = 4096  # of a matrix; beyond it the header is damaged


def read_header(text: str | bytes) -> dict[str, Any]:
    """Sizes of k-space and image (rows, columns), partitions, center lines, padding, trajectory.

    They are those of the first encoding. `crop_size` is the size of the image in pixels of the
    encoded resolution, `pixel_mm` that of such a pixel and of a partition. `calibration` is the
    mode of the calibration lines: embedded, interleaved, separate, external or other; "" unknown.
    `padding` is the range (start, end) of the columns that were measured; those beside it are
    zeros that fill k-space up to its size, as in fastMRI's brain volumes.
    """
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # also of its encoding
        raise ValueError(f"its ismrmrd_header is not XML: {error}") from error
    encoded, recon = _matrix(root, "encodedSpace"), _matrix(root, "reconSpace")
    header: dict[str, Any] = {
        "trajectory": root.findtext(".//{*}trajectory", "cartesian").strip().lower(),
        "calibration": root.findtext(".//{*}calibrationMode", "").strip().lower(),
    }
    if encoded:
        header["encoded_size"], header["partitions"] = encoded[:2], encoded[2]
    if recon:
        header["recon_size"], header["recon_partitions"] = recon[:2], recon[2]
    limits = [root.find(f".//{{*}}encodingLimits/{{*}}kspace_encoding_step_{i}") for i in (1, 2)]
    if encoded:
        centers = (encoded[1] // 2, encoded[2] // 2)
        header["center"], header["center_2"] = (
            default if limit is None else _number(limit, "center")
            for limit, default in zip(limits, centers, strict=True)
        )
        header["pixel_mm"], header["crop_size"] = _field_of_view(root, encoded, recon)
        if limits[0] is not None:
            start = encoded[1] // 2 - header["center"]
            header["padding"] = [start, start + _number(limits[0], "maximum") + 1]
    return header


def _matrix(root: ElementTree.Element, space: str) -> list[int]:
    matrix = root.find(f".//{{*}}{space}/{{*}}matrixSize")
    if matrix is None:
        return []
    sizes = [_number(matrix, axis) for axis in "xyz"]
    if not all(0 < size <= LARGEST_SIDE for size in sizes):
        raise ValueError(f"its header names an impossible {space} {sizes}")
    return sizes


def _field_of_view(
    root: ElementTree.Element, encoded: list[int], recon: list[int]
) -> tuple[list[float] | None, list[int] | None]:
    """The size of an encoded pixel in mm, and of the image in such pixels; None where not said."""
    encoded_mm, recon_mm = _millimetres(root, "encodedSpace"), _millimetres(root, "reconSpace")
    pixel = [mm / n for mm, n in zip(encoded_mm, encoded, strict=True)] if encoded_mm else None
    if pixel is None or not recon_mm:
        return pixel, recon[:2] or None
    pixels = [round(mm / size) for mm, size in zip(recon_mm, pixel, strict=True)]
    return pixel, [min(max(n, 1), have) for n, have in zip(pixels[:2], encoded[:2], strict=True)]


def _millimetres(root: ElementTree.Element, space: str) -> list[float]:
    field = root.find(f".//{{*}}{space}/{{*}}fieldOfView_mm")
    texts = ["" if field is None else field.findtext(f"{{*}}{axis}", "") for axis in "xyz"]
    try:
        sizes = [float(text) for text in texts]
    except ValueError:
        return []
    return sizes if all(0 < size < math.inf for size in sizes) else []


def _number(element: ElementTree.Element, name: str) -> int:
    text = element.findtext(f"{{*}}{name}", "1" if name == "z" else "").strip()
    try:
        return int(text)
    except ValueError as error:
        raise ValueError(f"its header has {text!r} where a number belongs ({name})") from error
