"""Weight files from anywhere: read right or refused in one line, whatever was done to them."""

import io
import itertools
import json
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mript_jax.checkpoint import load_checkpoint_config, load_params
from mript_jax.convert.files import read_state_dict, write_state_dict
from mript_jax.errors import UserError
from mript_jax.inference.export import load_exported
from mript_jax.physics.mask_files import load_mask, save_mask
from mript_jax.physics.masks import draw_mask
from mript_jax.weights_file import write_weights

ARRAYS = {"head.weight": np.arange(12, dtype=np.float32).reshape(3, 4), "bias": np.ones(4)}
EXAMPLES = 10_000 if "--slow" in sys.argv else 20


def write_model(path):
    write_weights(path, {"head": {"weight": ARRAYS["bias"]}}, '{"model": {"name": "unet"}}', 1)


def read_model(path):
    return load_params(path), load_checkpoint_config(path)


def write_exported(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.stablehlo", b"no program")
        archive.writestr("artifact.json", json.dumps({"inputs": {"mask": 1}, "sha256": "0"}))


KINDS = {
    "state_dict.npz": (lambda path: write_state_dict(path, ARRAYS), read_state_dict),
    "state_dict.safetensors": (lambda path: write_state_dict(path, ARRAYS), read_state_dict),
    "state_dict.pt": (lambda path: write_state_dict(path, ARRAYS), read_state_dict),
    "model.safetensors": (write_model, read_model),
    "model.mript": (write_exported, load_exported),
    "mask.npz": (
        lambda path: save_mask(path, draw_mask("radial", (16, 16), 4, 0.08, seed=1)),
        load_mask,
    ),
}


@st.composite
def damages(draw):
    """A function that damages bytes: bits flipped, bytes set, cut, left out or repeated."""
    kind = draw(st.sampled_from(["flip", "set", "cut", "leave out", "repeat"]))
    # Both ends of a file hold its structure: they are damaged more often.
    place = draw(st.floats(0, 1) | st.floats(0, 0.1) | st.floats(0.9, 1))
    length, value = draw(st.integers(1, 64)), draw(st.binary(min_size=1, max_size=8))

    def damage(content):
        at = min(int(place * len(content)), len(content) - 1)
        before, part, after = content[:at], content[at : at + length], content[at + length :]
        return {
            "flip": content[:at] + bytes([content[at] ^ value[0]]) + content[at + 1 :],
            "set": content[:at] + value + content[at + len(value) :],
            "cut": before,
            "leave out": before + after,
            "repeat": before + part + part + after,
        }[kind]

    return damage


@pytest.mark.parametrize("name", KINDS)
def test_damaged_file_is_read_or_refused_in_one_line(tmp_path, name):
    write, read = KINDS[name]
    if name.endswith(".pt"):
        pytest.importorskip("torch")
    write(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    numbers = itertools.count()

    @settings(max_examples=EXAMPLES)
    @given(st.lists(damages(), min_size=1, max_size=2))
    def check(several):
        content = whole
        for damage in several:
            content = damage(content) or b"\0"
        path = tmp_path / f"{next(numbers)}{name}"
        path.write_bytes(content)
        try:
            read(path)
        except UserError as error:
            assert path.name in str(error)
        finally:
            path.unlink()

    check()


def npy(header, content=b"\0" * 48):
    header = header.encode() + b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 12)}",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (6,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (6,)}",
        "{'descr': '<U12', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 12}",
        "{'descr': '<f4'}",
        "[" * 200,
        "",
    ],
)
def test_header_of_an_array_that_is_not_there_is_refused(tmp_path, header):
    path = tmp_path / "model.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weight.npy", npy(header))
    with pytest.raises(UserError, match=r"model.npz is not"):
        read_state_dict(path)


def test_entry_that_claims_more_than_it_can_hold_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "weight.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (12,)}")
        )
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x01\x02") + 24  # its size, in the directory
    content[place : place + 4] = (2**31).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(UserError, match="claims 2147483648 bytes"):
        read_state_dict(path)


def test_names_that_contradict_each_other_are_refused(tmp_path):
    from safetensors.numpy import save_file

    header = {"mript_jax": json.dumps({"config": {"model": {}}, "step": 1})}
    save_file({"a": np.ones(1), "a/b": np.ones(1)}, tmp_path / "m.safetensors", header)
    with pytest.raises(UserError, match="holds no weights"):
        load_params(tmp_path / "m.safetensors")


def test_arrays_of_both_orders_are_read(tmp_path):
    array = np.arange(6.0).reshape(2, 3)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, c=array, f=np.asfortranarray(array))
    (tmp_path / "m.npz").write_bytes(buffer.getvalue())
    for value in read_state_dict(tmp_path / "m.npz").values():
        np.testing.assert_array_equal(value, array)
