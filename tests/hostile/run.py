"""The cases of a reader: a sample, a damage, a reading of every slice, a judgement."""

import collections
import dataclasses
import functools
import random
import re
import tempfile
from pathlib import Path

import numpy as np

from tests.hostile.damage import damage_bytes, within
from tests.hostile.isolated import SPARE_BYTES, Died, Note, call_isolated, measure_memory, run_cases
from tests.hostile.judge import ALLOWED, FORBIDDEN, Judge, read_all
from tests.hostile.samples import SAMPLES, Sample
from tests.hostile.structure_hdf5 import write_secret

MEMORY_FOLDER = Path("/dev/shm")  # files are written and read faster there


@dataclasses.dataclass
class Outcomes:
    """Counts of a reader; of those that may not be, a line each."""

    cases: int = 0
    past: int = 0  # the first check of the header
    counts: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    defects: list[tuple[str, str]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A sample that was written, and what is needed to damage and to judge it."""

    sample: Sample
    folder: Path
    content: bytes  # of the target
    unprotected: list[range]
    dull: list[range]  # unprotected, or padding
    judge: Judge
    decoded_bytes: int


def run_reader(name: str, cases: int, seed: int, only: int | None = None) -> Outcomes:
    """Read `cases` damaged files; the same seed gives the same files."""
    outcomes = Outcomes()
    parent = MEMORY_FOLDER if MEMORY_FOLDER.is_dir() else None
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        prepared = [
            _prepare(sample, Path(folder) / str(i)) for i, sample in enumerate(SAMPLES[name])
        ]
        there = _listing(Path(folder))
        case = functools.partial(_case, prepared=prepared, seed=f"{name} {seed}")
        if only is not None:
            results = [case(only, print)]
        else:
            results = run_cases(case, cases)
        for number, result in enumerate(results):
            if isinstance(result, Died):
                line = f"{result.note}: signal {result.signal}"
                result = ("hang" if result.hung else "died", line, True)
            outcome, line, past = result
            outcomes.cases += 1
            outcomes.past += past
            outcomes.counts[outcome] += 1
            if outcome in FORBIDDEN or only is not None:
                outcomes.defects.append((outcome, f"case {number}: {line}"))
        assert _listing(Path(folder)) == there, "a file was written outside of the data's folder"
    return outcomes


def _prepare(sample: Sample, folder: Path) -> Prepared:
    data = folder / "data"
    data.mkdir(parents=True)
    call_isolated(functools.partial(sample.write, data))
    write_secret(folder)
    target = data / sample.target
    truth = call_isolated(lambda: read_all(lambda: sample.open(data)))
    assert not truth.broken and not truth.refused and not truth.escaped, truth
    arrays = [a for r in truth.records for a in (r.image, r.kspace, r.mask) if a is not None]
    content = target.read_bytes()
    unprotected = call_isolated(lambda: sample.unprotected(target))
    padding = [range(*match.span()) for match in re.finditer(rb"\0{64,}", content)]
    return Prepared(
        sample=sample,
        folder=data,
        content=content,
        unprotected=unprotected,
        dull=[*unprotected, *padding],
        judge=Judge(
            truth=truth.records,
            own=sample.is_own,
            key=sample.key,
            named=(target.name, *sample.named),
            said=truth.said,
            is_list=sample.is_list,
            renames=sample.renames,
        ),
        decoded_bytes=sum(np.asarray(array).nbytes for array in arrays),
    )


def _case(number: int, note: Note, prepared: list[Prepared], seed: str) -> tuple[str, str, bool]:
    """(outcome, detail, whether the file got past the first check of its header)."""
    rng = random.Random(f"{seed} {number}")
    one = rng.choice(prepared)
    target = one.folder / one.sample.target
    name, may_differ = _damage(one, target, rng)
    what = f"{one.sample.target} #{prepared.index(one)} {name}"
    note(what)
    reading, grown = measure_memory(lambda: read_all(lambda: one.sample.open(one.folder)))
    outcome, detail = one.judge(reading, may_differ, name in one.sample.other_count)
    if outcome in ("wrong", "lost") and (healed := _heal(one, target)):
        again = read_all(lambda: one.sample.open(one.folder))
        if one.judge(again, False)[0] in ALLOWED:  # the unprotected bytes were it
            outcome, detail = one.judge(reading, True)
        _write(target, healed)
    if grown > 2 * one.decoded_bytes + SPARE_BYTES:
        outcome, detail = "memory", f"{grown} bytes ({outcome} {detail})"
    try:
        one.sample.recognize(target)
        past = True
    except Exception:
        past = False
    return outcome, f"{what}: {detail}", past


def _damage(one: Prepared, target: Path, rng: random.Random) -> tuple[str, bool]:
    """The name of the damage, and whether the result is another valid file."""
    structure = one.sample.structure
    if structure and rng.random() < one.sample.structure_share:
        name = rng.choice(list(structure))
        _write(target, one.content)
        structure[name](target, rng)
        return name, name in one.sample.other_content
    damaged, name = damage_bytes(one.content, rng, one.dull)
    _write(target, damaged)
    resized = len(damaged) != len(one.content)
    restored = one.sample.restored(one.content, damaged)
    unseen = within(one.content, restored, one.unprotected)
    return name, unseen or (resized and not one.sample.says_length)


def _heal(one: Prepared, target: Path) -> bytes:
    """Undo the damage to bytes that nothing protects; the damaged file, or b"" if there is none."""
    damaged = target.read_bytes()
    healed = bytearray(damaged)
    for span in one.unprotected:
        healed[span.start : span.stop] = one.content[span.start : span.stop]
    if len(damaged) != len(one.content) or healed == damaged:
        return b""
    _write(target, bytes(healed))
    return damaged


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def _listing(folder: Path) -> list[str]:
    """All that is there beside the folders of data."""
    return sorted(
        str(path) for path in folder.rglob("*") if path.is_file() and "data" not in path.parts[-3:]
    )
