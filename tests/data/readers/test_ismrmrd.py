import pickle

import h5py
import numpy as np
import pytest

from mript_jax.data.readers import open_source
from mript_jax.data.readers.reference import image_from_kspace
from mript_jax.data.records import BrokenRecord
from mript_jax.errors import UserError

COUNTERS = (
    "kspace_encode_step_1 kspace_encode_step_2 average slice contrast phase repetition set segment"
)
INDEX = np.dtype([*((name, "<u2") for name in COUNTERS.split()), ("user", "<u2", 8)])
HEAD = np.dtype(
    [
        *(
            ("version", "<u2"),
            ("flags", "<u8"),
            ("measurement_uid", "<u4"),
            ("scan_counter", "<u4"),
        ),
        *(("acquisition_time_stamp", "<u4"), ("physiology_time_stamp", "<u4", 3)),
        *(("number_of_samples", "<u2"), ("available_channels", "<u2"), ("active_channels", "<u2")),
        *(("channel_mask", "<u8", 16), ("discard_pre", "<u2"), ("discard_post", "<u2")),
        *(
            ("center_sample", "<u2"),
            ("encoding_space_ref", "<u2"),
            ("trajectory_dimensions", "<u2"),
        ),
        *(("sample_time_us", "<f4"), ("position", "<f4", 3), ("read_dir", "<f4", 3)),
        *(("phase_dir", "<f4", 3), ("slice_dir", "<f4", 3), ("patient_table_position", "<f4", 3)),
        *(("idx", INDEX), ("user_int", "<i4", 8), ("user_float", "<f4", 8)),
    ]
)
FLOATS = h5py.vlen_dtype(np.dtype("<f4"))
ACQUISITION = np.dtype([("head", HEAD), ("traj", FLOATS), ("data", FLOATS)])
HEADER = """<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><encoding>
<encodedSpace><matrixSize><x>{h}</x><y>{w}</y><z>{d}</z></matrixSize></encodedSpace>
<reconSpace><matrixSize><x>{rh}</x><y>{w}</y><z>{d}</z></matrixSize></reconSpace>
<encodingLimits><kspace_encoding_step_1><minimum>0</minimum><maximum>{last}</maximum>
<center>{center}</center></kspace_encoding_step_1></encodingLimits>
<trajectory>{trajectory}</trajectory></encoding></ismrmrdHeader>"""


def kspace(slices=2, coils=3, height=16, width=12, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((slices, coils, height, 2 * width), np.float32).view(np.complex64)


def line(samples, flags=0, **counters):
    one = np.zeros(1, ACQUISITION)
    coils, count = samples.shape
    one["head"]["number_of_samples"], one["head"]["active_channels"] = count, coils
    one["head"]["center_sample"] = count // 2
    one["head"]["flags"] = sum(1 << (flag - 1) for flag in np.atleast_1d(flags) if flag)
    for name, value in counters.items():
        place = one["head"]["idx"] if name in INDEX.names else one["head"]
        place[name] = value
    one["traj"][0] = np.zeros(0, np.float32)
    one["data"][0] = np.ascontiguousarray(samples).view(np.float32).ravel()
    return one


def lines(array, columns=None, **counters):
    """Acquisitions of [S, C, H, W]; the slices are counted by `by`."""
    columns = range(array.shape[-1]) if columns is None else columns
    return [
        line(array[s, :, :, y], slice=s, kspace_encode_step_1=y, **counters)
        for y in columns
        for s in range(len(array))
    ]


def save(path, acquisitions, h=16, w=12, d=1, last=None, center=None, trajectory="cartesian"):
    last, center = w - 1 if last is None else last, w // 2 if center is None else center
    text = HEADER.format(h=h, w=w, d=d, rh=h // 2, last=last, center=center, trajectory=trajectory)
    with h5py.File(path, "w") as file:
        file.create_dataset("dataset/xml", data=[text], dtype=h5py.string_dtype())
        table = file.create_dataset("dataset/data", (len(acquisitions),), ACQUISITION)
        for i, one in enumerate(acquisitions):
            table[i] = one[0]
    return path


def test_lines_come_together_as_kspace_and_image(tmp_path):
    array = kspace()
    save(tmp_path / "a.h5", lines(array))
    source = open_source("ismrmrd", str(tmp_path))
    assert len(source) == 2
    for i in range(2):
        np.testing.assert_array_equal(source[i].kspace, array[i])
        np.testing.assert_array_equal(source[i].image, image_from_kspace(array[i], (8, 12)))
        assert (source[i].slice_index, source[i].attributes["slice"]) == (i, i)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source))[1].image, source[1].image)


def test_files_that_are_no_images_are_left_out(tmp_path):
    array = kspace()
    other = [line(array[0, :, :, 0], flags=flag) for flag in (20, 24, 27)]
    kept = lines(array)
    kept[5]["head"]["flags"] = (1 << 19) | (1 << 20)  # calibration and imaging in one
    save(tmp_path / "a.h5", other + kept)
    record = open_source("ismrmrd", str(tmp_path))[0]
    np.testing.assert_array_equal(record.kspace, array[0])
    assert record.attributes["notes"] == [
        "left out: 1 phase correction line",
        "left out: 1 dummy line",
        "left out: 1 calibration line of a separate scan",
    ]


def test_averages_are_averaged_and_reversed_lines_turned(tmp_path):
    array = kspace(1)
    first, second = lines(array * 0.5), lines(array * 1.5, average=1)
    turned = [line(array[0, :, ::-1, 0], flags=22)]
    save(tmp_path / "a.h5", [*first[1:], *second[1:], *turned])
    np.testing.assert_allclose(open_source("ismrmrd", str(tmp_path))[0].kspace, array[0], rtol=1e-6)


def test_discarded_samples_do_not_move_the_center(tmp_path):
    array = kspace(1)
    longer = np.concatenate([array[:, :, :3], array, array[:, :, :2]], axis=2)
    save(
        tmp_path / "a.h5",
        lines(longer, discard_pre=3, discard_post=2, center_sample=3 + 8),
    )
    np.testing.assert_array_equal(open_source("ismrmrd", str(tmp_path))[0].kspace, array[0])


def test_fewer_lines_than_the_matrix_are_padding_around_the_center(tmp_path):
    array = kspace(1, width=8)
    save(tmp_path / "a.h5", lines(array), w=12, last=7, center=4)
    record = open_source("ismrmrd", str(tmp_path))[0]
    np.testing.assert_array_equal(record.kspace[..., 2:10], array[0])
    assert not record.kspace[..., :2].any() and record.image is not None


def test_undersampled_scans_have_a_mask_and_no_image(tmp_path):
    columns = [0, 3, 5, 6, 7, 10]
    save(tmp_path / "a.h5", lines(kspace(1), columns))
    record = open_source("ismrmrd", str(tmp_path))[0]
    assert record.image is None
    assert np.flatnonzero(record.mask.all(axis=0)).tolist() == columns


def test_repetitions_are_images_of_their_own(tmp_path):
    one, two = kspace(1), kspace(1, seed=1)
    save(tmp_path / "a.h5", lines(one) + lines(two, repetition=1))
    source = open_source("ismrmrd", str(tmp_path))
    np.testing.assert_array_equal([r.kspace for r in (source[0], source[1])], [one[0], two[0]])


def partitions(array):
    return [
        line(array[z, :, :, y], kspace_encode_step_1=y, kspace_encode_step_2=z)
        for y in range(array.shape[-1])
        for z in range(len(array))
    ]


def test_partitions_are_transformed_into_slices(tmp_path):
    images = kspace(4)  # [Z, C, H, W], measured in all three directions
    shifted = np.fft.fft(np.fft.ifftshift(images, axes=0), axis=0, norm="ortho")
    measured = np.fft.fftshift(shifted, axes=0).astype(np.complex64)
    save(tmp_path / "a.h5", partitions(measured), d=4)
    source = open_source("ismrmrd", str(tmp_path))
    for z in range(4):
        np.testing.assert_allclose(source[z].kspace, images[z], atol=1e-5)


def declare(path, rows, dtype=ACQUISITION, **options):
    save(path, lines(kspace()))
    with h5py.File(path, "a") as file:
        del file["dataset/data"]
        file.create_dataset("dataset/data", rows, dtype, **options)


def one_line_changed(path, **fields):
    made = lines(kspace())
    for name, value in fields.items():
        made[2]["head"][name] = value
    save(path, made)


def damage_heaps(path, damaged):
    """Put bytes in place of the first object's header in every global heap of a file."""
    data = save(path, lines(kspace())).read_bytes()
    parts = data.split(b"GCOL")
    path.write_bytes(b"GCOL".join([parts[0], *(p[:12] + damaged + p[28:] for p in parts[1:])]))


BREAK = {
    # On these the HDF5 library loops for ever, or dies.
    "heap loop": (lambda p: damage_heaps(p, bytes(16)), "its heap at"),
    "heap end": (lambda p: damage_heaps(p, b"\1\0\1\0" + b"\0" * 4 + b"\xff" * 8), "its heap at"),
    "huge chunk": (lambda p: declare(p, (10**9,), chunks=(10**8,)), "chunks of"),
    "many rows": (lambda p: declare(p, (10**9,), chunks=(1,)), "1000000000 acquisitions"),
    "never written": (lambda p: declare(p, (20,), chunks=(1,)), "no acquisition"),
    "other table": (lambda p: declare(p, (20,), np.dtype("f4")), "not acquisitions"),
    "other words": (
        lambda p: declare(p, (20,), np.dtype([("head", HEAD), ("data", "f4", 9)])),
        "not acquisitions",
    ),
    "other head": (
        lambda p: declare(p, (20,), np.dtype([("head", INDEX), ("data", FLOATS)])),
        "acquisitions lack .*active_channels",
    ),
    "mostly empty": (lambda p: save(p, lines(kspace()), h=4000, w=4000, d=60), "samples for"),
    "samples": (lambda p: one_line_changed(p, number_of_samples=17), "it should have 17 of each"),
    "coils": (lambda p: one_line_changed(p, active_channels=2), "of each of 3 coils"),
    "discarded": (lambda p: one_line_changed(p, discard_post=20), "discards 20 of its 16"),
    "radial": (
        lambda p: save(p, lines(kspace()), trajectory="radial"),
        "is radial; only Cartesian",
    ),
    "echo planar": (lambda p: save(p, lines(kspace()), trajectory="epi"), "Nyquist ghost"),
    "outside": (lambda p: save(p, lines(kspace(height=32))), "outside of k-space"),
    "partitions": (lambda p: save(p, partitions(kspace(4))[1:], d=4), "along partitions"),
    "only noise": (lambda p: save(p, [line(kspace()[0, :, :, 0], 19)]), "no acquisition"),
    "nan": (lambda p: save(p, lines(kspace() * np.nan)), "NaN"),
    "huge": (lambda p: save(p, lines(kspace()), h=10**7), "impossible encodedSpace"),
    "no group": (lambda p: h5py.File(p, "w").close(), "no group"),
    "cut short": (
        lambda p: p.write_bytes(save(p, lines(kspace())).read_bytes()[:5000]),
        "cut short",
    ),
}


@pytest.mark.parametrize("damage", BREAK)
def test_a_broken_scan_is_told_by_path(tmp_path, damage):
    BREAK[damage][0](tmp_path / "a.h5")
    with pytest.raises((BrokenRecord, UserError), match=BREAK[damage][1]) as caught:
        open_source("ismrmrd", str(tmp_path / "a.h5"))[0]
    assert str(tmp_path / "a.h5") in str(caught.value)


@pytest.mark.parametrize("options", [{"chunks": (5,)}, {"compression": "gzip"}], ids=str)
def test_tables_of_other_layouts_are_read(tmp_path, options):
    array = kspace()
    declare(tmp_path / "a.h5", (2 * 12,), **options)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        for i, one in enumerate(lines(array)):
            file["dataset/data"][i] = one[0]
    source = open_source("ismrmrd", str(tmp_path / "a.h5"))
    for i in range(2):
        np.testing.assert_array_equal(source[i].kspace, array[i])
