"""Small valid files of every format, made by the software that others write them with."""

import csv
import dataclasses
import functools
import io
import json
import random
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

from mript_jax.data.mrd import ACQUISITION
from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.preparation import dataset, shards
from mript_jax.data.readers import open_source
from mript_jax.data.readers.arrayrecord import open_shard
from mript_jax.data.readers.cfl import write_cfl
from mript_jax.data.records import Record
from mript_jax.data.splits import read_splits, write_splits
from mript_jax.physics.mask_files import load_mask, save_mask
from mript_jax.physics.masks import draw_mask
from tests.hostile import (
    structure_medical,
    structure_pictures,
    structure_records,
    structure_tables,
)
from tests.hostile.structure_hdf5 import OTHER_CONTENT as HDF5_OTHER_CONTENT
from tests.hostile.structure_hdf5 import OTHER_COUNT as HDF5_OTHER_COUNT
from tests.hostile.structure_hdf5 import damage_hdf5

Damage = Callable[[Path, random.Random], None]
Spans = list[range]

ENDLESS = 2**40  # of a range up to the end of a file that no length is held against


@dataclasses.dataclass(frozen=True)
class Sample:
    """A folder of files, one of which (`target`) is damaged.

    recognize: the first check of a header, with the format's own library; raises.
    unprotected: bytes whose change the format has no means to detect: numbers, names and times.
    own: part of the volume's name of the slices that are in the target; others are neighbours.
    other_content: the damages in `structure` after which the file is valid and says something else.
    other_count: of these damages those after which there may be fewer or more slices.
    says_length: whether the format says how long a file is; else bytes may be put in or taken out.
    renames: a refused file may change the names and numbers of the slices of its volume.
    is_list: the target is a list of names, and any part of it is as good a list.
    """

    write: Callable[[Path], None]
    target: str
    open: Callable[[Path], Sequence[Record]]
    recognize: Callable[[Path], object]
    structure: Mapping[str, Damage]
    other_content: frozenset[str] = frozenset()
    other_count: frozenset[str] = frozenset()
    unprotected: Callable[[Path], Spans] = lambda path: []
    own: str | None = None  # by default the name of the target
    key: Callable[[Record], Hashable] = lambda record: (record.volume, record.slice_index)
    named: tuple[str, ...] = ()
    says_length: bool = True
    is_list: bool = False
    renames: bool = False

    def is_own(self, record: Record) -> bool:
        return (self.target if self.own is None else self.own) in record.volume


def _source(reader: str, **options: Any) -> Callable[[Path], Sequence[Record]]:
    def open_folder(folder: Path) -> Sequence[Record]:
        return open_source(reader, str(folder), **options)

    return open_folder


def _numbers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    pairs = np.random.default_rng(seed).standard_normal((*shape, 2), np.float32)
    return pairs.view(np.complex64)[..., 0]


def _bytes_of(path: Path, *contents: bytes) -> Spans:
    """Where these contents lie in a file."""
    data, spans = path.read_bytes(), []
    for content in contents:
        start = data.find(content)
        while start >= 0:
            spans.append(range(start, start + len(content)))
            start = data.find(content, start + 1)
    return spans


def _hdf5_values(path: Path) -> Spans:
    """The values of arrays and attributes: HDF5 keeps no checksum of them by itself."""
    contents: list[bytes] = []
    attributes: list[bytes] = []
    spans: Spans = []

    def look(name: str, item: Any) -> None:
        contents.append(item.name.rpartition("/")[2].encode())
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
                contents.append(start.to_bytes(8, "little"))
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
    names = _bytes_of(path, *attributes)  # before and behind it are the sizes of its message
    spans += [range(name.start - 24, name.stop + 64) for name in names]
    return spans + _bytes_of(path, *(content for content in contents if len(content) > 3))


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
        open=_source("fastmri"),
        recognize=_recognize_hdf5,
        structure=damage_hdf5(arrays, ["max", "acquisition", "patient_id"], "ismrmrd_header"),
        other_content=frozenset(HDF5_OTHER_CONTENT),
        other_count=frozenset(HDF5_OTHER_COUNT),
        unprotected=_hdf5_values,
    )


# ISMRMRD


def _ismrmrd(folder: Path, depth: int = 1) -> None:
    for name, slices in (("good.h5", 1), ("hit.h5", 2 if depth == 1 else 1)):
        kspace = _numbers((slices, depth, 2, 6, 4), slices)  # [S, Z, C, H, W]
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
        open=_source("ismrmrd"),
        recognize=_recognize_hdf5,
        structure=table | {"field": acquisition_field, "samples": acquisition_samples},
        other_content=frozenset({*HDF5_OTHER_CONTENT, "field"}),
        other_count=frozenset({*HDF5_OTHER_COUNT, "field"}),
        unprotected=_hdf5_values,
    )


# CMRxRecon


def _cmrxrecon(folder: Path, compression: str | None = None) -> None:
    for name, frames in (("good.mat", 1), ("hit.mat", 2)):
        pairs = _numbers((frames, 1, 2, 8, 6), frames)  # [time, slice, coil, ky, kx]
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
        open=_source("cmrxrecon"),
        recognize=_recognize_hdf5,
        structure=damage_hdf5(["kspace_full"]),
        other_content=frozenset(HDF5_OTHER_CONTENT),
        other_count=frozenset(HDF5_OTHER_COUNT),
        unprotected=lambda path: [*_hdf5_values(path), range(512)],
    )


# Pictures


def _pixels(seed: int, deep: bool = False) -> np.ndarray:
    most = 2**16 if deep else 2**8
    dtype = np.uint16 if deep else np.uint8
    return np.random.default_rng(seed).integers(0, most, (9, 12), dtype)


def _pictures(folder: Path, suffix: str, deep: bool = False, **options: Any) -> None:
    for name, seed in (("good", 1), ("hit", 0)):
        Image.fromarray(_pixels(seed, deep)).save(folder / f"{name}.{suffix}", **options)


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
        open=_source("images"),
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


# RadImageNet


def _radimagenet(folder: Path) -> None:
    rows = []
    for place, number in (("brain/normal", 3), ("brain/normal", 70), ("knee/tear", 4)):
        name = f"MR/{place}/{place[:5]}{number:06d}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        colors = np.stack([_pixels(number + i) for i in range(3)], axis=-1)
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
        open=_source("radimagenet", labels="labels.csv", block=1),
        recognize=_recognize_csv,
        structure=structure_tables.CSV,
        own="MR/",
        named=("MR/", "labels"),
        is_list=True,
    ),
    Sample(
        write=_radimagenet,
        target="MR/brain/normal/brain000003.png",
        open=_source("radimagenet", block=1),
        recognize=_recognize_picture,
        structure=structure_pictures.PNG,
        other_content=frozenset(structure_pictures.PNG_OTHER_CONTENT),
    ),
)


# NIfTI


def _nifti(folder: Path, suffix: str, times: int = 1) -> None:
    import nibabel

    for name, seed in (("good", 1), ("hit", 0)):
        shape = (5, 4, 3, times) if times > 1 else (5, 4, 3)
        voxels = np.random.default_rng(seed).integers(1, 4000, shape).astype(np.int16)
        affine = np.float64([[1, 0, 0, -3], [0, 2, 0, 5], [0, 0, 3, 7], [0, 0, 0, 1]])
        image = nibabel.Nifti1Image(voxels, affine)
        image.header.set_xyzt_units("mm", "sec")
        image.header["descrip"] = b"made by a test"
        image.set_qform(affine, 1)
        nibabel.save(image, folder / f"{name}.{suffix}")


def _recognize_nifti(path: Path) -> None:
    import nibabel

    _ = nibabel.load(path).header


# All but sizeof_hdr, dim, datatype, bitpix, vox_offset and magic: what is said there is said once,
# or twice within a tolerance (qform and sform).
NIFTI_UNSAID = ((4, 40), (56, 70), (74, 108), (112, 344))


def _nifti_values(path: Path) -> Spans:
    if path.suffix == ".gz":
        return [range(4, 10)]  # of gzip: time, level, system
    return [*(range(*span) for span in NIFTI_UNSAID), range(352, ENDLESS)]


def _nifti_sample(suffix: str, times: int = 1) -> Sample:
    more = {"bomb": structure_medical.nifti_bomb} if suffix.endswith("gz") else {}
    return Sample(
        write=functools.partial(_nifti, suffix=suffix, times=times),
        target=f"hit.{suffix}",
        open=_source("nifti"),
        recognize=_recognize_nifti,
        structure=structure_medical.NIFTI | more,
        other_content=frozenset(structure_medical.NIFTI_OTHER_CONTENT),
        unprotected=_nifti_values,
    )


# DICOM


def _dicom_dataset(series: int, position: int, frames: int = 1) -> Any:
    import pydicom

    shape = (frames, 6, 8) if frames > 1 else (6, 8)
    rng = np.random.default_rng(10 * series + position)
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
    data = pydicom.Dataset()
    data.file_meta = meta
    data.SOPClassUID = meta.MediaStorageSOPClassUID
    data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = f"1.2.3.{series}.{position}"
    data.SeriesInstanceUID, data.PatientID, data.Modality = f"1.2.{series}", "Doe", "MR"
    data.StudyInstanceUID, data.SeriesDescription = "1.2", "T2 TSE"
    data.InstanceNumber, data.SliceThickness = position, 3
    data.ImagePositionPatient = [0, 0, 3 * position]
    data.ImageOrientationPatient, data.PixelSpacing = [1, 0, 0, 0, 1, 0], [1, 1]
    data.Rows, data.Columns = shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    if frames > 1:
        data.NumberOfFrames = frames
    data.PixelData = rng.integers(1, 4000, shape).astype(np.uint16).tobytes()
    return data


def _dicom(folder: Path, frames: int = 1, packed: bool = False) -> None:
    import pydicom

    for series, positions in ((1, (0, 1, 2)), (2, (0,))):
        for position in positions:
            name = f"series{series}_{position}.dcm" if (series, position) != (1, 1) else "hit.dcm"
            data = _dicom_dataset(series, position, frames)
            if packed:
                data.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
            data.save_as(folder / name, enforce_file_format=True)


def _recognize_dicom(path: Path) -> None:
    import pydicom

    pydicom.dcmread(path, stop_before_pixels=True)


def _dicom_values(path: Path) -> Spans:
    """Elements that may be missing or say something else: nothing protects them."""
    said = {structure_medical.known(name)[0] for name in DICOM_SAID} | {(2, 0), (2, 0x10)}
    spans = structure_medical.find_elements(path.read_bytes())
    return [
        range(span.start + 12, ENDLESS) if tag == structure_medical.PIXELS else span
        for tag, span in spans.items()
        if tag not in said
    ]


DICOM_SAID = (  # by the number of pixels, or by what there is no other value for
    *("Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "NumberOfFrames", "Modality"),
    *("SOPClassUID", "BitsStored", "HighBit", "PhotometricInterpretation", "PixelRepresentation"),
)


def _dicom_sample(frames: int = 1, packed: bool = False) -> Sample:
    return Sample(
        write=functools.partial(_dicom, frames=frames, packed=packed),
        target="hit.dcm",
        open=_source("dicom"),
        recognize=_recognize_dicom,
        structure=structure_medical.DICOM,
        other_content=frozenset(structure_medical.DICOM_OTHER_CONTENT),
        unprotected=_dicom_values,
        own="1.2.1",
        key=_by_picture,
        renames=True,
    )


def _by_picture(record: Record) -> Hashable:
    assert record.image is not None
    return record.volume.partition("_")[0], record.image.tobytes()


# NumPy


def _numpy(folder: Path, shape: tuple[int, ...]) -> None:
    np.save(folder / "good.npy", _numbers(shape, 1))
    np.save(folder / "hit.npy", _numbers(shape, 0))


def _recognize_npy(path: Path) -> None:
    np.load(path, mmap_mode="r", allow_pickle=False)


def _npy_values(path: Path) -> Spans:
    """All but the signature: the header says once what the numbers are."""
    return [range(10, path.stat().st_size)]


def _numpy_sample(*shape: int) -> Sample:
    return Sample(
        write=functools.partial(_numpy, shape=shape),
        target="hit.npy",
        open=_source("numpy"),
        recognize=_recognize_npy,
        structure=structure_tables.NPY,
        other_content=frozenset(structure_tables.NPY_OTHER_CONTENT),
        unprotected=_npy_values,
    )


# BART


def _cfl(folder: Path) -> None:
    write_cfl(folder / "good", _numbers((1, 2, 8, 6), 1))
    write_cfl(folder / "hit", _numbers((2, 2, 8, 6), 0))


def _recognize_cfl(path: Path) -> None:
    lines = path.with_suffix(".hdr").read_text("ascii").splitlines()
    assert [int(word) for word in lines[lines.index("# Dimensions") + 1].split()]


def _cfl_sample(suffix: str, structure: Mapping[str, Damage]) -> Sample:
    return Sample(
        write=_cfl,
        target=f"hit.{suffix}",
        open=_source("cfl"),
        recognize=_recognize_cfl,
        structure=structure,
        other_content=frozenset(structure_tables.HDR_OTHER_CONTENT),
        unprotected=lambda path: [range(ENDLESS if suffix == "hdr" else path.stat().st_size)],
        own="hit.cfl",
        is_list=suffix == "hdr",  # of sizes, in an order that nothing else says
        named=("hit.",),
    )


# ArrayRecord


def _arrayrecord(folder: Path) -> None:
    pictures = folder / "pictures"
    for volume in "abc":
        (pictures / volume).mkdir(parents=True)
        for i in range(3):
            pixels = _pixels(i + 10 * ord(volume))
            Image.fromarray(pixels).save(pictures / volume / f"{i}.png")
    jobs = shards.plan("images", str(pictures), {"group": "folder"}, folder, 3)
    shards.write_shards(jobs, 1, 0)
    dataset.write_index(folder, jobs, (0.8, 0.1, 0.1))


def _arrayrecord_without_seal(folder: Path) -> None:
    """As older versions wrote it: the index has no checksum."""
    _arrayrecord(folder)
    index = json.loads((folder / "dataset.json").read_text())
    del index["checksum"]
    (folder / "dataset.json").write_text(json.dumps(index))


def _recognize_json(path: Path) -> None:
    assert isinstance(json.loads(path.read_text()), dict)


def _recognize_shard(path: Path) -> None:
    open_shard(str(path)).close()


ARRAYRECORD = (
    Sample(
        write=_arrayrecord,
        target="dataset.json",
        open=_source("arrayrecord"),
        recognize=_recognize_json,
        structure=structure_tables.JSON,
        own="",
    ),
    Sample(
        write=_arrayrecord,
        target="data-00001-of-00003.arrayrecord",
        open=_source("arrayrecord"),
        recognize=_recognize_shard,
        structure=structure_records.RECORDS,
        other_content=frozenset(structure_records.RECORDS_OTHER_CONTENT),
        own="b",
    ),
    Sample(
        write=_arrayrecord_without_seal,
        target="dataset.json",
        open=_source("arrayrecord"),
        recognize=_recognize_json,
        structure=structure_tables.JSON,
        own="",
        named=(".arrayrecord",),
    ),
)


# Files of our own that are no datasets: read as records, so that one judge serves all


def _masks(folder: Path) -> None:
    save_mask(folder / "hit.npz", draw_mask("cartesian_random", (12, 16), 4, 0.1, seed=3))


def _open_masks(folder: Path) -> Sequence[Record]:
    mask = load_mask(folder / "hit.npz")
    about = {f.name: getattr(mask, f.name) for f in dataclasses.fields(mask) if f.name != "array"}
    return [Record(None, "hit.npz", 0, mask=mask.array, attributes=about)]


def _recognize_npz(path: Path) -> None:
    np.load(path, allow_pickle=False).close()


MASKS = Sample(
    write=_masks,
    target="hit.npz",
    open=_open_masks,
    recognize=_recognize_npz,
    structure={"member": structure_tables.npz_member},
    other_content=frozenset({"member"}),
)


def _splits(folder: Path) -> None:
    write_splits(folder / "hit.json", {f"v{i}": ("train", "test")[i % 2] for i in range(6)})


def _open_splits(folder: Path) -> Sequence[Record]:
    splits = read_splits(folder / "hit.json")
    return [Record(None, f"{name} {split}", 0) for name, split in splits.items()]


SPLITS = Sample(
    write=_splits,
    target="hit.json",
    open=_open_splits,
    recognize=_recognize_json,
    structure=structure_tables.JSON,
    own=" ",
    is_list=True,
)


SAMPLES: dict[str, Sequence[Sample]] = {
    "fastmri": (
        _fastmri_sample(),
        _fastmri_sample(coils=2),
        _fastmri_sample(coils=2, mask=("cartesian_random", 2, 0.2, 0)),
    ),
    "images": (
        _png_sample(),
        _png_sample(deep=True),
        _picture_sample(
            "tif", structure_pictures.TIFF, structure_pictures.TIFF_OTHER_CONTENT, _tiff_values
        ),
        _picture_sample(
            "jpg", structure_pictures.JPEG, structure_pictures.JPEG_OTHER_CONTENT, _jpeg_values
        ),
    ),
    "radimagenet": RADIMAGENET,
    "nifti": (_nifti_sample("nii"), _nifti_sample("nii", times=2), _nifti_sample("nii.gz")),
    "dicom": (_dicom_sample(), _dicom_sample(frames=2), _dicom_sample(packed=True)),
    "ismrmrd": (_ismrmrd_sample(1), _ismrmrd_sample(2)),
    "cmrxrecon": (_cmrxrecon_sample(), _cmrxrecon_sample("gzip")),
    "arrayrecord": ARRAYRECORD,
    "cfl": (
        _cfl_sample("cfl", structure_tables.CFL),
        _cfl_sample("hdr", structure_tables.HDR),
    ),
    "numpy": (_numpy_sample(8, 6), _numpy_sample(3, 2, 8, 6)),
    "mask files": (MASKS,),
    "splits files": (SPLITS,),
}
