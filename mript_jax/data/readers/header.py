"""The ISMRMRD header of a scan: XML with the sizes of k-space and of the image."""

import xml.etree.ElementTree as ElementTree
from typing import Any

LARGEST_SIDE = 4096  # of a matrix; beyond it the header is damaged


def read_header(text: str | bytes) -> dict[str, Any]:
    """Sizes of k-space and image (rows, columns), partitions, center lines, padding, trajectory.

    `padding` is the range (start, end) of the columns that were measured; those beside it are
    zeros that fill k-space up to its size, as in fastMRI's brain volumes.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"its ismrmrd_header is not XML: {error}") from error
    encoded, recon = _matrix(root, "encodedSpace"), _matrix(root, "reconSpace")
    header: dict[str, Any] = {"trajectory": root.findtext(".//{*}trajectory", "cartesian").strip()}
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


def _number(element: ElementTree.Element, name: str) -> int:
    text = element.findtext(f"{{*}}{name}", "1" if name == "z" else "").strip()
    try:
        return int(text)
    except ValueError as error:
        raise ValueError(f"its header has {text!r} where a number belongs ({name})") from error
