import json
import pickle
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mript_jax.data.records import BrokenRecord, Record, decode_record, encode_record
from mript_jax.errors import UserError


def round_trip(**fields):
    return decode_record(
        encode_record(Record(**{"image": None, "volume": "v", "slice_index": 0} | fields))
    )


def noise(shape, seed=0):
    return np.random.default_rng(seed).standard_normal((2, *shape), dtype=np.float32)


def test_everything_of_a_record_comes_back():
    kspace = noise((3, 5, 7))[0] + 1j * noise((3, 5, 7))[1]
    mask = (noise((5, 7))[0] > 0).astype(np.float32)
    back = round_trip(
        image=np.float32([[1, 2], [3, 4]]),
        volume="file1.h5",
        slice_index=17,
        kspace=kspace,
        mask=mask,
        maximum=0.25,
        attributes={"acquisition": "AXT2", "recon_size": [320, 320]},
    )
    assert (back.volume, back.slice_index, back.maximum) == ("file1.h5", 17, 0.25)
    assert back.attributes == {"acquisition": "AXT2", "recon_size": [320, 320]}
    np.testing.assert_array_equal(back.kspace, kspace)
    np.testing.assert_array_equal(back.mask, mask)
    assert back.kspace.dtype == np.complex64
    assert back.mask.dtype == back.image.dtype == np.float32


def test_optional_fields_that_are_missing_stay_missing():
    back = round_trip()
    assert back.image is back.kspace is back.mask is back.maximum is None


@pytest.mark.parametrize(("most", "bytes_per_pixel"), [(255, 1), (65535, 2)])
def test_whole_numbers_are_exact_in_as_few_bytes_as_serve(most, bytes_per_pixel):
    image = np.random.default_rng(0).integers(0, most + 1, (64, 48)).astype(np.float32)
    image[0, 0] = most
    record = Record(image, "v", 0)
    assert len(encode_record(record)) < image.size * bytes_per_pixel + 300
    np.testing.assert_array_equal(round_trip(image=image).image, image)


@given(scale=st.floats(1e-30, 1e30), seed=st.integers(0, 9))
@settings(max_examples=20, deadline=None)
def test_real_numbers_keep_eleven_bits_at_any_scale(scale, seed):
    image = (np.abs(noise((8, 9), seed)[0]) * scale).astype(np.float32)
    np.testing.assert_allclose(round_trip(image=image).image, image, rtol=2.0**-11)


def test_encoding_again_changes_nothing():
    once = round_trip(image=np.abs(noise((16, 16))[0]) * 1e-5)
    assert encode_record(once) == encode_record(round_trip(image=once.image))


def test_every_flipped_bit_of_a_record_is_found():
    data = encode_record(Record(np.arange(20, dtype=np.float32).reshape(4, 5) * 0.1, "v", 0))
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(ValueError):
            decode_record(bytes(damaged))


def test_record_of_an_older_version_has_no_checksum():
    data = encode_record(Record(np.ones((4, 5), np.float32), "v", 0))
    assert decode_record(data[:-4]).image.shape == (4, 5)


SOUND = {"volume": "v", "slice_index": 0, "maximum": None, "attributes": {}, "exponent": 0}
HEADERS = [
    *([], 3, None, {}, SOUND, SOUND | {"arrays": 3}),
    *(
        SOUND | {"arrays": [array]}
        for array in (
            *(["image", "|O", [1, 1]], ["image", "<f8", [1, 1]], ["x", "|u1", [1, 1]]),
            *(["image", "|u1", [-1, 1]], ["image", "|u1", [2**70, 1]], ["image", "|u1", [1]]),
            *(["image", "|u1", [9, 9]], ["mask", "|u1", [1, 1]], ["image", "<f2", [1, 1]], "image"),
        )
    ),
    *(
        SOUND | {"arrays": [["image", "|u1", [2, 1]]]} | change
        for change in (
            *({"exponent": 2**70}, {"exponent": "a"}, {"exponent": -400}, {"volume": 3}),
            *({"slice_index": None}, {"maximum": "1"}, {"attributes": []}),
        )
    ),
]


@pytest.mark.parametrize("header", HEADERS, ids=str)
def test_record_that_cannot_be_is_refused(header):
    text = json.dumps(header).encode()
    body = b"\xff\x7f"  # as float16 not a number
    data = struct.pack("<I", len(text)) + text + body
    for sealed in (data, data + struct.pack("<I", zlib.crc32(data))):
        with pytest.raises(ValueError):
            decode_record(sealed)


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_bytes_of_any_kind_are_a_record_or_refused(data):
    with pytest.raises(ValueError):
        decode_record(data)


def test_a_broken_record_travels_between_processes():
    error = pickle.loads(pickle.dumps(BrokenRecord("file.h5", "is cut short")))
    assert isinstance(error, UserError)
    assert (str(error), error.path, error.why) == (
        "file.h5: is cut short",
        "file.h5",
        "is cut short",
    )
