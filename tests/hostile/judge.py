"""The outcome of a case: what was read of damaged files, compared with the undamaged ones."""

import dataclasses
import json
import logging
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from mript_jax.data.records import BrokenRecord, Record
from mript_jax.errors import UserError

ALLOWED = ("right", "undetectable", "error")
FORBIDDEN = ("traceback", "unclear", "memory", "hang", "died", "wrong", "lost")
ALLOCATION = (  # words of errors that stand for memory that was not there
    "unable to allocate",
    "out of memory",
)


@dataclasses.dataclass(frozen=True)
class Reading:
    """All that came of the files: records, messages, or the exception that ended it."""

    records: list[Record]
    broken: list[str] = dataclasses.field(default_factory=list)
    refused: str = ""  # as a whole
    escaped: str = ""  # an exception that is no user error
    out_of_memory: bool = False
    said: list[str] = dataclasses.field(default_factory=list)  # in the log


class Listener(logging.Handler):
    """Keeps the lines of the log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def read_all(open_records: Callable[[], Sequence[Record]]) -> Reading:
    """Every record of a source, each after the other, and what the log says meanwhile."""
    listener, logger = Listener(), logging.getLogger("mript_jax")
    logger.addHandler(listener)
    try:
        return dataclasses.replace(_read_all(open_records), said=listener.lines)
    finally:
        logger.removeHandler(listener)


def _read_all(open_records: Callable[[], Sequence[Record]]) -> Reading:
    records, broken = [], []
    try:
        source = open_records()
        for i in range(len(source)):
            try:
                records.append(source[i])
            except BrokenRecord as error:
                broken.append(str(error))
                if _for_want_of_memory(error):
                    return Reading([], escaped=_chain(error), out_of_memory=True)
    except UserError as error:
        if _for_want_of_memory(error):
            return Reading([], escaped=_chain(error), out_of_memory=True)
        return Reading(records, broken, refused=str(error) or "without a word")
    except MemoryError as error:
        return Reading([], escaped=_chain(error), out_of_memory=True)
    except Exception as error:
        return Reading([], escaped=_chain(error), out_of_memory=_for_want_of_memory(error))
    return Reading(records, broken)


@dataclasses.dataclass(frozen=True)
class Judge:
    """Compares with what the undamaged files hold.

    own: whether a record is of the file that is damaged; the others are its neighbours.
    key: what a record is recognized by.
    named: one of these is in every error message.
    said: what the log says of the undamaged files.
    renames: whether a file that is refused may change the names and numbers of others' slices.
    is_list: whether the damaged file is a list of names: nothing protects any of them.
    """

    truth: Sequence[Record]
    own: Callable[[Record], bool]
    key: Callable[[Record], Hashable]
    named: Sequence[str]
    said: Sequence[str] = ()
    is_list: bool = False
    renames: bool = False

    def __call__(
        self, reading: Reading, content_may_differ: bool, count_may_differ: bool = False
    ) -> tuple[str, str]:
        """(outcome, detail). A sound file may say something else, or have other slices."""
        if reading.out_of_memory:
            return "memory", reading.escaped
        if reading.escaped:
            return "traceback", reading.escaped
        messages = [*reading.broken, *([reading.refused] if reading.refused else [])]
        for message in messages:
            if "\n" in message or not any(name in message for name in self.named):
                return "unclear", message
        for record in reading.records:
            if defect := defect_of(record):
                return "wrong", defect
        if reading.refused:
            return "error", reading.refused
        content_may_differ |= count_may_differ or self.is_list
        messages += [line for line in reading.said if line not in self.said]
        outcome, detail = self._compare(reading, messages, content_may_differ)
        if outcome == "lost" and (count_may_differ or self.is_list) and "neighbour" not in detail:
            return "undetectable", detail
        return outcome, detail

    def _compare(
        self, reading: Reading, messages: list[str], content_may_differ: bool
    ) -> tuple[str, str]:
        found = {self.key(record): record for record in reading.records}
        if len(found) < len(reading.records) and not content_may_differ:
            return "wrong", "two records with one name"
        changed = ""
        for record in self.truth:
            other = found.pop(self.key(record), None)
            difference = "missing" if other is None else difference_of(record, other)
            if other is not None and messages and self.renames and same_arrays(record, other):
                difference = ""
            if difference and not self.own(record):
                return "lost" if other is None else "wrong", f"neighbour: {difference}"
            if difference and not (other is None and messages):
                changed = changed or difference
        if changed and not content_may_differ:
            outcome = "lost" if changed == "missing" and not found else "wrong"
            return outcome, f"{changed}; new: {list(found)}"[:200]
        if found and not content_may_differ:
            return "wrong", f"new: {list(found)}"[:200]
        if not messages and len(reading.records) < len(self.truth):
            return "lost", f"{len(reading.records)} of {len(self.truth)}"
        if messages:
            return "error", messages[0]
        return ("undetectable", changed or "new") if changed or found else ("right", "")


def difference_of(one: Record, two: Record) -> str:
    """The first field in which two records differ; "" where none does."""
    for field in dataclasses.fields(one):
        first, second = getattr(one, field.name), getattr(two, field.name)
        if field.name == "geometry" and first is not None and second is not None:
            first, second = first.affine, second.affine
        if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
            if first.shape != second.shape:
                return f"{field.name}: {first.shape} became {second.shape}"
            if not np.array_equal(first, second):
                return f"{field.name}: other values"
        elif type(first) is not type(second) or first != second:
            return f"{field.name}: {first!r} became {second!r}"[:160]
    return ""


def same_arrays(one: Record, two: Record) -> bool:
    """Return True if two records hold the same numbers."""
    pairs = ((one.image, two.image), (one.kspace, two.kspace), (one.mask, two.mask))
    return all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in pairs)


def defect_of(record: Record) -> str:
    """What no record may hold, wherever it comes from; "" for none."""
    image, kspace, mask = record.image, record.kspace, record.mask
    if image is not None and not (image.ndim == 2 and _finite(image) and image.dtype == np.float32):
        return f"image {image.dtype} {image.shape} or not finite"
    if kspace is not None and not (kspace.ndim == 3 and _finite(kspace)):
        return f"kspace {kspace.dtype} {kspace.shape} or not finite"
    if mask is not None and not (mask.ndim == 2 and np.isin(mask, (0, 1)).all() and mask.any()):
        return f"mask {mask.shape} of {np.unique(mask)[:4]}"
    if mask is not None and kspace is not None and mask.shape != kspace.shape[-2:]:
        return f"mask {mask.shape} of kspace {kspace.shape}"
    maximum = record.maximum
    if maximum is not None and not (type(maximum) is float and 0 < maximum < np.inf):
        return f"maximum {maximum!r}"
    if record.geometry is not None and not _finite(record.geometry.affine):
        return "geometry that is not finite"
    if not isinstance(record.volume, str) or type(record.slice_index) is not int:
        return f"volume {record.volume!r}, slice_index {record.slice_index!r}"
    return _not_json(record.attributes)


def _not_json(attributes: dict[str, Any]) -> str:
    try:
        json.dumps(attributes, allow_nan=False)
    except (TypeError, ValueError) as error:
        return f"attributes: {error}"
    return ""


def _finite(array: np.ndarray) -> bool:
    return bool(np.isfinite(array).all())


def _chain(error: BaseException) -> str:
    trace, where = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if "mript_jax" in code.co_filename:
            where = f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{where} {type(error).__name__}: {error}"[:200]


def _for_want_of_memory(error: BaseException | None) -> bool:
    while error is not None:
        text = str(error).lower()
        if isinstance(error, MemoryError) or any(word in text for word in ALLOCATION):
            return True
        error = error.__cause__
    return False
