"""Damage to JSON and CSV files, and to NumPy's arrays, that leaves the format intact."""

import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ODD = (
    *(None, True, -1, 0, 1, 2**31, 2**63, 2**64, 1e308, 0.5, "", "x", "../x", "/etc/passwd"),
    *([], {}, [[]], [None], {"a": 1}, "\u0000", "\ud800", [-1], [2**40], ["a", 1], "a" * 5000),
)


def json_value(path: Path, rng: random.Random) -> None:
    """An odd value somewhere in the tree."""
    content = json.loads(path.read_text())
    holder, key = _somewhere(content, rng)
    holder[key] = rng.choice(ODD)
    path.write_text(json.dumps(content))


def json_nearby(path: Path, rng: random.Random) -> None:
    """A number somewhere that is off by a little, or a text with another letter."""
    content = json.loads(path.read_text())
    for _ in range(200):
        holder, key = _somewhere(content, rng)
        value = holder[key]
        if isinstance(value, int) and not isinstance(value, bool):
            holder[key] = value + rng.choice((-1, 1, 2))
            break
        if isinstance(value, str) and value:
            place = rng.randrange(len(value))
            holder[key] = value[:place] + rng.choice("abz019.") + value[place + 1 :]
            break
    path.write_text(json.dumps(content))


def json_gone(path: Path, rng: random.Random) -> None:
    content = json.loads(path.read_text())
    holder, key = _somewhere(content, rng)
    del holder[key]
    path.write_text(json.dumps(content))


def json_twice(path: Path, rng: random.Random) -> None:
    content = json.loads(path.read_text())
    holder, key = _somewhere(content, rng)
    if isinstance(holder, list):
        holder.insert(key, holder[key])
    else:
        holder[f"{key}2"] = holder[key]
    path.write_text(json.dumps(content))


def json_whole(path: Path, rng: random.Random) -> None:
    """A file that is JSON, but of another kind."""
    depth = rng.choice((100, 100_000))
    texts = (
        *("[]", "{}", "3", "null", '"x"', "NaN", "[" * depth + "]" * depth, '{"a":' * depth),
        *('{"version": 1e999}', "9" * 5000, "\ufeff{}", "[NaN]", "{}{}", "-0"),
    )
    path.write_text(rng.choice(texts))


JSON: dict[str, Callable[[Path, random.Random], None]] = {
    "value": json_value,
    "nearby": json_nearby,
    "gone": json_gone,
    "twice": json_twice,
    "whole": json_whole,
}


def _somewhere(content: Any, rng: random.Random) -> tuple[Any, Any]:
    """(a list or dict of the tree, a key of it); entries near the root are as likely as leaves."""
    holder, key = content, _key(content, rng)
    while isinstance(holder[key], list | dict) and holder[key] and rng.random() < 0.7:
        holder = holder[key]
        key = _key(holder, rng)
    return holder, key


def _key(holder: Any, rng: random.Random) -> Any:
    return rng.choice(list(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))


def csv_cell(path: Path, rng: random.Random) -> None:
    rows = [line.split(",") for line in path.read_text().splitlines()]
    row = rng.choice(rows)
    odd = ("", "x", "../x.png", "/etc/passwd", '"', "\0", "a,b", "é", "MR", "MR/", "a" * 200_000)
    row[rng.randrange(len(row))] = rng.choice(odd)
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")


def csv_row(path: Path, rng: random.Random) -> None:
    rows = path.read_text().splitlines()
    place = rng.randrange(len(rows))
    rows[place : place + 1] = rng.choice(([], [rows[place]] * 2, [""], [","], [rows[place] + ",x"]))
    path.write_text("\n".join(rows) + "\n")


CSV = {"cell": csv_cell, "row": csv_row}


def npy_header(path: Path, rng: random.Random) -> None:
    """Another type, order or shape in the header of the same numbers."""
    data = path.read_bytes()
    length = int.from_bytes(data[8:10], "little")
    array = np.load(path, allow_pickle=False)
    shapes = (
        *("()", "(0,)", "(3,)", "(2**40,)", "(99999999999, 99999999999)", "(-1, 4, 4)", "[4, 4]"),
        *("(4.0, 4)", "(True, 4)", "None", str(array.shape[::-1]), str((1, *array.shape))),
        *(
            str((*array.shape[:-1], array.shape[-1] - 1)),
            str((array.shape[0] + 1, *array.shape[1:])),
        ),
    )
    types = ("'<c8'", "'|O'", "'<f4'", "'>c8'", "'<c16'", "'<M8[s]'", "'|V8'", "'|S8'", "'?'", "3")
    header = "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}".format(
        rng.choice((f"'{array.dtype.str}'", rng.choice(types))),
        rng.choice(("False", "True", "0", "None")),
        rng.choice((str(array.shape), rng.choice(shapes))),
    )
    body = header.encode().ljust(max(length, 118) - 1)[: 2**16 - 2] + b"\n"
    path.write_bytes(data[:8] + len(body).to_bytes(2, "little") + body + data[10 + length :])


def npy_numbers(path: Path, rng: random.Random) -> None:
    array = np.load(path, allow_pickle=False)
    array.reshape(-1)[rng.randrange(array.size)] = rng.choice((np.nan, np.inf, complex(0, np.nan)))
    np.save(path, array)


def npy_type(path: Path, rng: random.Random) -> None:
    array = np.load(path, allow_pickle=False)
    kind = rng.choice(("f4", "i4", "O", "S3", "U3", ">c8", "c16", "?", "M8[s]", "i4,f4"))
    with np.errstate(all="ignore"):
        other = np.zeros(array.shape, kind) if "," in kind else array.astype(kind)
    with path.open("wb") as file:
        np.save(file, other, allow_pickle=True)


NPY = {"header": npy_header, "numbers": npy_numbers, "type": npy_type}
NPY_OTHER_CONTENT = {"header", "type"}


def npz_member(path: Path, rng: random.Random) -> None:
    """A member gone, twice, of another name, or of other bytes, in a sound archive."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(list(members))
    what = rng.choice(("gone", "name", "bytes", "npy", "bomb", "deep"))
    if what in ("gone", "name"):
        body = members.pop(name)
        if what == "name":
            members[rng.choice(("../" + name, "/" + name, "x.npy", name.upper()))] = body
    elif what == "bytes":
        body = bytearray(members[name])
        body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
        members[name] = bytes(body)
    else:
        odd = {
            "npy": np.array(rng.choice([3, 1j, np.nan, "text", b"x", [[1.0, 2.0], [0.5, 0.0]]])),
            "bomb": np.zeros(rng.choice((10**5, 3 * 10**6)), np.uint8),
            "deep": np.array("[" * 100_000),
        }[what]
        file = io.BytesIO()
        np.save(file, odd)
        members[name] = file.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in members.items():
            member = zipfile.ZipInfo(name)  # of no time, so that the same seed gives the same file
            archive.writestr(member, body, zipfile.ZIP_DEFLATED, 1)


def cfl_numbers(path: Path, rng: random.Random) -> None:
    array = np.fromfile(path, np.complex64)
    array[rng.randrange(array.size)] = rng.choice((np.nan, np.inf, complex(0, np.nan)))
    array.tofile(path)


def cfl_length(path: Path, rng: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(
        rng.choice((b"", data[:-8], data[: len(data) // 2], data * 2, data + bytes(8)))
    )


CFL = {"numbers": cfl_numbers, "length": cfl_length}


def hdr_sizes(path: Path, rng: random.Random) -> None:
    """Other dimensions; some ask for as many numbers, in another order."""
    lines = path.read_text().splitlines()
    place = lines.index("# Dimensions") + 1
    sizes = lines[place].split()
    odd = ("0", "-1", "1", "2", "x", "1.5", "99999999999999", "nan", "\u0663", "9" * 5000)
    for _ in range(rng.choice((1, 1, 2))):
        sizes[rng.randrange(len(sizes))] = rng.choice(odd)
    if rng.random() < 0.3:
        sizes = sizes[: rng.randrange(len(sizes))] + rng.choice(([], ["1"] * 20))
    lines[place] = " ".join(sizes)
    path.write_text("\n".join(lines))


def hdr_order(path: Path, rng: random.Random) -> None:
    """The same dimensions in another order: as many numbers."""
    lines = path.read_text().splitlines()
    place = lines.index("# Dimensions") + 1
    sizes = lines[place].split()
    rng.shuffle(sizes)
    lines[place] = " ".join(sizes)
    path.write_text("\n".join(lines))


def hdr_lines(path: Path, rng: random.Random) -> None:
    lines = path.read_text().splitlines()
    more = ("# Dimensions", "# Command", "1 2 3", "", "\0", "x" * 100_000)
    lines[rng.randrange(len(lines)) :][:1] = []
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(more))
    path.write_text("\n".join(lines))


HDR = {"sizes": hdr_sizes, "order": hdr_order, "lines": hdr_lines}
HDR_OTHER_CONTENT = {"order", "lines", "sizes"}
