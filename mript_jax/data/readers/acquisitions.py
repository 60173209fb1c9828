"""The choice of the acquisitions of an ISMRMRD file that make an image, and their k-space lines."""

import collections
from typing import Any

import numpy as np

from mript_jax.data.mrd import (
    CALIBRATION,
    CALIBRATION_AND_IMAGING,
    NOISE,
    OTHER_DATA,
    PHASE_CORRECTION,
    REVERSE,
    has_flag,
)

# One image for each combination; the slice changes first, so that neighbours stay neighbours.
COUNTERS = ("set", "repetition", "phase", "contrast", "slice")
LINE = ("kspace_encode_step_1", "kspace_encode_step_2")


def choose_lines(heads: np.ndarray, header: dict[str, Any]) -> tuple[np.ndarray, list[str]]:
    """Mark the acquisitions that are lines of an image [N] bool, and name the others.

    Calibration lines count where nothing else was measured, unless they are of a scan of their own.
    """
    counts: collections.Counter[str] = collections.Counter()
    foreign = heads["encoding_space_ref"] != 0
    other = foreign.copy()
    for number, name in OTHER_DATA.items():
        found = has_flag(heads, number) & ~other
        other |= found
        if number != NOISE:
            counts[f"{name} line{{s}}"] += int(found.sum())
    counts["line{s} of further encoding spaces"] = int(foreign.sum())
    turned, corrected = has_flag(heads, REVERSE) & ~other, has_flag(heads, PHASE_CORRECTION)
    if turned.any() and (corrected & ~foreign).any():
        raise ValueError(
            "is EPI, whose Nyquist ghost its phase correction lines would have to take away; "
            "such scans are not read"
        )
    only = has_flag(heads, CALIBRATION) & ~has_flag(heads, CALIBRATION_AND_IMAGING) & ~other
    chosen = ~other & ~only
    used = only & _belongs(heads, chosen, only, header)
    counts["calibration line{s} of a separate scan"] = int((only & ~used).sum())
    notes = [f"left out: {n} {name.format(s='s' * (n > 1))}" for name, n in counts.items() if n]
    return chosen | used, notes


def list_frames(heads: np.ndarray) -> np.ndarray:
    """[frames, counters]: the images that there are, slice by slice."""
    return np.unique(_columns(heads, COUNTERS), axis=0)


def place(head: np.ndarray, samples: int, header: dict[str, Any]) -> tuple[int, int, int]:
    """First row, column and partition of a line; outside of k-space is a ValueError.

    `samples` are those that are left without `discard_pre` and `discard_post`.
    """
    (height, width), depth = header["encoded_size"], header["partitions"]
    start = height // 2 - (int(head["center_sample"]) - int(head["discard_pre"]))
    step, step_2 = (int(head["idx"][name]) for name in LINE)
    column = step - header["center"] + width // 2
    partition = step_2 - header["center_2"] + depth // 2
    fits = start >= 0 and start + samples <= height
    if not (fits and 0 <= column < width and 0 <= partition < depth):
        raise ValueError(
            f"an acquisition (line {column}, partition {partition}, {samples} samples from "
            f"{start}) is outside of k-space {(height, width, depth)}"
        )
    return start, column, partition


def _belongs(
    heads: np.ndarray, chosen: np.ndarray, only: np.ndarray, header: dict[str, Any]
) -> np.ndarray:
    """Mark the calibration lines that fill k-space of an image.

    A line that imaging measured too tells of a scan of its own, where the header does not say it.
    """
    if not (only.any() and chosen.any()) or header["calibration"] in ("separate", "external"):
        return np.zeros(len(heads), bool)
    like = heads[chosen][0]
    fits = only.copy()
    for name in ("active_channels", "number_of_samples", "center_sample"):
        fits &= heads[name] == like[name]
    frames = {tuple(row) for row in _columns(heads[chosen], COUNTERS)}
    places = {tuple(row) for row in _columns(heads[chosen], (*COUNTERS, *LINE))}
    again = np.zeros(len(heads), bool)
    for i in np.flatnonzero(fits):
        row = tuple(_columns(heads[i : i + 1], (*COUNTERS, *LINE))[0])
        fits[i], again[i] = row[: len(COUNTERS)] in frames, row in places
    if again.any() and header["calibration"] not in ("embedded", "interleaved"):
        return np.zeros(len(heads), bool)
    return fits & ~again


def _columns(heads: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    return np.stack([heads["idx"][name] for name in names], axis=1)
