"""MRD (ISMRMRD): NAME.mrd, with the slices as images of the group `dataset/image_0`.

The layout of the standard's HDF5 files, written by plain h5py.
"""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import h5py
import numpy as np

from mript_jax.data.geometry import TO_LPS, Geometry
from mript_jax.inference.save.atomic import atomic_file
from mript_jax.inference.save.placing import blocks, is_placed, slice_geometries
from mript_jax.inference.volumes import ReconstructedVolume

HEAD = np.dtype(
    [
        ("version", "<u2"),
        ("data_type", "<u2"),
        ("flags", "<u8"),
        ("measurement_uid", "<u4"),
        ("matrix_size", "<u2", 3),
        ("field_of_view", "<f4", 3),
        ("channels", "<u2"),
        ("position", "<f4", 3),
        ("read_dir", "<f4", 3),
        ("phase_dir", "<f4", 3),
        ("slice_dir", "<f4", 3),
        ("patient_table_position", "<f4", 3),
        ("average", "<u2"),
        ("slice", "<u2"),
        ("contrast", "<u2"),
        ("phase", "<u2"),
        ("repetition", "<u2"),
        ("set", "<u2"),
        ("acquisition_time_stamp", "<u4"),
        ("physiology_time_stamp", "<u4", 3),
        ("image_type", "<u2"),
        ("image_index", "<u2"),
        ("image_series_index", "<u2"),
        ("user_int", "<i4", 8),
        ("user_float", "<f4", 8),
        ("attribute_string_len", "<u4"),
    ]
)
FLOAT, MAGNITUDE = 5, 1  # MRD's numbers of a data type and of an image type
COUNTERS = ("slice", "contrast", "phase", "repetition", "set")


def write(folder: Path, result: ReconstructedVolume) -> list[Path]:
    """Write NAME.mrd: float32 images [1, 1, H, W] with position, directions and attributes."""
    path = folder / f"{result.name}.mrd"
    heads, texts = image_headers(result)
    images = result.reconstruction[:, None, None].astype(np.float32)  # [S, 1, 1, H, W]
    with atomic_file(path) as temporary, h5py.File(temporary, "w") as file:
        group = file.create_group("dataset/image_0")
        group.create_dataset("header", data=heads, maxshape=(None,))
        group.create_dataset(
            "attributes", data=texts, maxshape=(None,), dtype=h5py.string_dtype("utf-8")
        )
        group.create_dataset("data", data=images, maxshape=(None, *images.shape[1:]))
    return [path]


def image_headers(result: ReconstructedVolume) -> tuple[np.ndarray, list[str]]:
    """MRD's image header, and its attributes in XML, of each slice."""
    geometries = slice_geometries(result)
    heads = np.zeros(len(geometries), HEAD)
    texts = []
    for block in blocks(result):
        for number, place, repeat in zip(block.slices, block.places, block.repeats, strict=True):
            heads[number]["slice"], heads[number]["repetition"] = place, repeat
    for number, (head, geometry) in enumerate(zip(heads, geometries, strict=True)):
        _fill_in(head, geometry, result.reconstruction.shape[1:])
        head["image_index"] = number + 1
        attributes = result.attributes[number] if result.attributes else {}
        if set(attributes) & set(COUNTERS):  # the source counts them itself
            for counter in COUNTERS:
                head[counter] = attributes.get(counter, 0)
        text = _attributes(result, head, is_placed(result))
        head["attribute_string_len"] = len(text.encode())
        texts.append(text)
    return heads, texts


def _fill_in(head: np.void, geometry: Geometry, shape: tuple[int, ...]) -> None:
    height, width = shape
    down_mm, along_mm, through_mm = geometry.pixel_mm
    down, along, through = TO_LPS * (geometry.affine[:3, :3] / geometry.pixel_mm).T
    head["version"], head["channels"] = 1, 1
    head["data_type"], head["image_type"] = FLOAT, MAGNITUDE
    head["matrix_size"] = width, height, 1
    head["field_of_view"] = width * along_mm, height * down_mm, through_mm
    center = geometry.affine @ (height // 2, width // 2, 0, 1)
    head["position"] = TO_LPS * center[:3]
    head["read_dir"], head["phase_dir"] = along, down
    normal = np.cross(along, down)
    head["slice_dir"] = normal if normal @ through >= 0 else -normal


def _attributes(result: ReconstructedVolume, head: np.void, known: bool) -> str:
    root = ElementTree.Element("ismrmrdMeta")
    values: dict[str, list] = {
        "DataRole": ["Image"],
        "ImageRowDir": head["read_dir"].tolist(),
        "ImageColumnDir": head["phase_dir"].tolist(),
        "Geometry": ["of the source" if known else "assumed: axial pixels of 1 mm"],
    }
    values |= {key: [value] for key, value in result.facts().items()}
    for key, entries in values.items():
        meta = ElementTree.SubElement(root, "meta")
        ElementTree.SubElement(meta, "name").text = key
        for entry in entries:
            ElementTree.SubElement(meta, "value").text = str(entry)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False)
