"""HDF5 files: fastMRI, ISMRMRD and CMRxRecon; and the XML header of the first two."""

import functools
import random
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import h5py
import numpy as np

from mript_jax.data.mrd import ACQUISITION
from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.readers.header import read_header
from mript_jax.data.records import Record
from mript_jax.errors import UserError
from tests.hostile.samples.sample import ENDLESS, Sample, Spans, bytes_of, numbers, source
from tests.hostile.structure_hdf5 import OTHER_CONTENT, OTHER_COUNT, damage_hdf5
from tests.hostile.structure_xml import damage_xml


def _hdf5_values(path: Path) -> Spans:
    """The values of arrays and attributes: HDF5 keeps no checksum of them by itself."""
    contents: list[bytes] = []
    attributes: list[bytes] = []
    spans: Spans = []

    def look(name: str, item: Any) -> None:
        # A name ends at its first zero: with a letter in place of that, it is another name.
        contents.append(item.name.rpartition("/")[2].encode() + b"\0")
        attributes.extend(key.encode() for key in item.attrs)
        for value in item.attrs.values():
            contents.append(
                value.encode() if isinstance(value, str) else np.asarray(value).tobytes()
            )
        if isinstance(item, h5py.Dataset):
            if item.chunks and item.compression is None:
                chunks = (item.id.get_chunk_info(i) for i in range(item.id.get_num_chunks()))
                spans.extend(range(c.byte_offset, c.byte_offset + c.size) for c in chunks)
            elif item.id.get_offset() is not None:
                start = item.id.get_offset()
                spans.append(range(start, start + item.id.get_storage_size()))
            if item.dtype.hasobject:
                values = item[()]
                if item.dtype.names is None:
                    contents.extend(bytes(text) for text in np.ravel(values))
                else:
                    contents.extend(line.tobytes() for line in values["data"])

    with h5py.File(path) as file:
        look("", file)
        file.visititems(look)
    names = bytes_of(path, *attributes)  # before and behind it are the sizes of its message
    spans += [range(name.start - 24, name.stop + 64) for name in names]
    return spans + bytes_of(path, *(content for content in contents if len(content) > 3))


def _recognize_hdf5(path: Path) -> None:
    with h5py.File(path) as file:
        list(file)


# fastMRI


def _fastmri(folder: Path, **changes: Any) -> None:
    write_fastmri_h5(folder / "good.h5", 0, 1, slices=1, size=8, **changes)
    write_fastmri_h5(folder / "hit.h5", 0, 0, slices=3, size=8, **changes)


def _fastmri_sample(**changes: Any) -> Sample:
    arrays = ["kspace", *(["mask"] if "mask" in changes else [])]
    if "mask" not in changes:
        arrays.append("reconstruction_rss" if changes.get("coils", 1) > 1 else "reconstruction_esc")
    return Sample(
        write=functools.partial(_fastmri, **changes),
        target="hit.h5",
        open=source("fastmri"),
        recognize=_recognize_hdf5,
        structure=damage_hdf5(arrays, ["max", "acquisition", "patient_id"], "ismrmrd_header"),
        other_content=frozenset(OTHER_CONTENT),
        other_count=frozenset(OTHER_COUNT),
        unprotected=_hdf5_values,
    )


FASTMRI = (
    _fastmri_sample(),
    _fastmri_sample(coils=2),
    _fastmri_sample(coils=2, mask=("cartesian_random", 2, 0.2, 0)),
)

# ISMRMRD


def _ismrmrd(folder: Path, depth: int = 1) -> None:
    for name, slices in (("good.h5", 1), ("hit.h5", 2 if depth == 1 else 1)):
        kspace = numbers((slices, depth, 2, 6, 4), slices)  # [S, Z, C, H, W]
        with h5py.File(folder / name, "w") as file:
            file.create_dataset("dataset/xml", (1,), h5py.special_dtype(vlen=bytes))
            file["dataset/xml"][0] = XML.format(z=depth).encode()
            table = file.create_dataset("dataset/data", (1,), ACQUISITION, maxshape=(None,))
            for i, (s, z, w) in enumerate(np.ndindex(slices, depth, 4)):
                table.resize(i + 1, axis=0)  # one by one, as the standard's own package does
                counters = {"slice": s, "kspace_encode_step_1": w, "kspace_encode_step_2": z}
                table[i] = _acquisition(kspace[s, z, :, :, w], **counters)


def _acquisition(samples: np.ndarray, **counters: int) -> np.ndarray:
    """A line [C, H] of k-space as a row of the table [1]."""
    rows = np.zeros(1, ACQUISITION)
    head = rows["head"][0]
    head["version"], head["center_sample"] = 1, 3
    head["active_channels"] = head["available_channels"] = samples.shape[0]
    head["number_of_samples"] = samples.shape[1]
    for name, number in counters.items():
        head["idx"][name] = number
    rows[0]["traj"] = np.zeros(0, np.float32)
    rows[0]["data"] = np.ravel(samples).copy().view(np.float32)
    return rows


XML = (
    '<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><encoding>'
    "<encodedSpace><matrixSize><x>6</x><y>4</y><z>{z}</z></matrixSize></encodedSpace>"
    "<reconSpace><matrixSize><x>4</x><y>4</y><z>{z}</z></matrixSize></reconSpace>"
    "<encodingLimits><kspace_encoding_step_1><minimum>0</minimum><maximum>3</maximum>"
    "<center>2</center></kspace_encoding_step_1></encodingLimits>"
    "<trajectory>cartesian</trajectory></encoding></ismrmrdHeader>"
)


def acquisition_field(path: Path, rng: random.Random) -> None:
    """An odd counter, size or flag of one acquisition, or of all."""
    with h5py.File(path, "a") as file:
        table = file["dataset/data"]
        rows = table[()]
        fields = "number_of_samples active_channels discard_pre discard_post center_sample flags"
        counters = "kspace_encode_step_1 kspace_encode_step_2 slice contrast repetition"
        name = rng.choice((*fields.split(), *counters.split(), "encoding_space_ref"))
        place = rows["head"]["idx"] if name in counters else rows["head"]
        some = rng.choice((slice(None), rng.randrange(len(rows))))
        place[name][some] = rng.choice((0, 1, 2, 3, 5, 7, 8, 255, 40_000, 65_535))
        table[...] = rows


def acquisition_samples(path: Path, rng: random.Random) -> None:
    """A line with other than the declared samples, or with numbers that are none."""
    with h5py.File(path, "a") as file:
        table = file["dataset/data"]
        rows = table[()]
        row = rng.randrange(len(rows))
        line = rows["data"][row].copy()
        if rng.random() < 0.5:
            line[rng.randrange(len(line))] = rng.choice((np.nan, np.inf))
        else:
            line = np.resize(line, rng.choice((0, 1, len(line) - 2, len(line) + 2, 10**6)))
        rows["data"][row] = line
        table[...] = rows


def _ismrmrd_sample(depth: int) -> Sample:
    table = damage_hdf5(["dataset/data"], [], "dataset/xml")
    del table["unusable_numbers"], table["damaged_chunk"]
    return Sample(
        write=functools.partial(_ismrmrd, depth=depth),
        target="hit.h5",
        open=source("ismrmrd"),
        recognize=_recognize_hdf5,
        structure=table | {"field": acquisition_field, "samples": acquisition_samples},
        other_content=frozenset({*OTHER_CONTENT, "field"}),
        other_count=frozenset({*OTHER_COUNT, "field"}),
        unprotected=_hdf5_values,
    )


ISMRMRD = (_ismrmrd_sample(1), _ismrmrd_sample(2))

# CMRxRecon


def _cmrxrecon(folder: Path, compression: str | None = None) -> None:
    for name, frames in (("good.mat", 1), ("hit.mat", 2)):
        pairs = numbers((frames, 1, 2, 8, 6), frames)  # [time, slice, coil, ky, kx]
        fields = pairs.view([("real", "<f4"), ("imag", "<f4")]).reshape(pairs.shape)
        with h5py.File(folder / name, "w", userblock_size=512) as file:
            array = file.create_dataset("kspace_full", data=fields, compression=compression)
            array.attrs["MATLAB_class"] = np.bytes_("single")
        with (folder / name).open("r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file".ljust(116) + bytes(8) + b"\0\x02IM")


def _cmrxrecon_sample(compression: str | None = None) -> Sample:
    return Sample(
        write=functools.partial(_cmrxrecon, compression=compression),
        target="hit.mat",
        open=source("cmrxrecon"),
        recognize=_recognize_hdf5,
        structure=damage_hdf5(["kspace_full"]),
        other_content=frozenset(OTHER_CONTENT),
        other_count=frozenset(OTHER_COUNT),
        unprotected=lambda path: [*_hdf5_values(path), range(512)],
    )


CMRXRECON = (_cmrxrecon_sample(), _cmrxrecon_sample("gzip"))


# The XML header of fastMRI and ISMRMRD alone


def _header(folder: Path) -> None:
    (folder / "hit.xml").write_text(XML.format(z=1))


def _open_header(folder: Path) -> list[Record]:
    try:
        header = read_header((folder / "hit.xml").read_bytes())
    except ValueError as error:
        raise UserError(f"hit.xml: {error}") from error
    return [Record(None, "hit.xml", 0, attributes=header)]


def _rewrite_header(path: Path, rng: random.Random) -> None:
    path.write_bytes(damage_xml(path.read_bytes(), rng))


HEADERS = (
    Sample(
        write=_header,
        target="hit.xml",
        open=_open_header,
        recognize=lambda path: ElementTree.parse(path),
        structure={"xml": _rewrite_header},
        other_content=frozenset({"xml"}),
        unprotected=lambda path: [range(ENDLESS)],  # each number is said once
        structure_share=0.9,  # most other bytes end at the parser
    ),
)
