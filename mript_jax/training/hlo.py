"""Traffic of a compiled program, read from its HLO: collectives, and bytes from and to memory.

XLA's own analysis counts the body of a loop once, and there is none for devices that are not
there. Here a loop's body counts as often as it runs, by the trip count that the compiler writes
beside it.
"""

import collections
import dataclasses
import re
from collections.abc import Iterator, Mapping

COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")
BITS = {"pred": 8, "token": 0, "s4": 4, "u4": 4, "bf16": 16, "c64": 64, "c128": 128}
FREE = (  # operations that move nothing
    *("parameter", "constant", "tuple", "get-tuple-element", "bitcast", "after-all", "iota"),
    *("while", "call", "conditional", "async-start", "async-done", "async-update"),
    *("partition-id", "replica-id", "opt-barrier"),
)


@dataclasses.dataclass(frozen=True)
class Traffic:
    """Memory traffic and collectives of one device in one run of a program."""

    memory_bytes: float  # read from and written to its memory
    counts: Mapping[str, int]  # of each kind of collective
    collective_bytes: Mapping[str, float]  # of their results


@dataclasses.dataclass(frozen=True)
class _Operation:
    name: str
    kind: str
    bytes: float  # of the result
    operands: tuple[str, ...]
    attributes: str


_Computations = dict[str, dict[str, _Operation]]


def traffic(hlo: str) -> Traffic:
    """The traffic of a compiled program, from `compiled.as_text()`."""
    computations, entry = _parse(hlo)
    memory = 0.0
    counts: collections.Counter[str] = collections.Counter()
    moved: collections.Counter[str] = collections.Counter()
    channels: dict[str, str] = {}  # the operation of each; TPUs carry one out in parts of others
    for operations, times, fused in _executed(computations, entry, 1):
        for operation in operations.values():
            kind = operation.kind.removesuffix("-start")
            if kind in COLLECTIVES:
                first = channels.setdefault(_channel(operation), operation.name)
                if first == operation.name:
                    counts[kind] += times
                    moved[kind] += round(times * _result_bytes(operation, operations))
            if not fused and operation.kind not in FREE and not operation.kind.endswith("-done"):
                memory += times * _memory_bytes(operation, operations, computations)
    return Traffic(memory, dict(counts), dict(moved))


def _executed(
    computations: _Computations, name: str, times: int, fused: bool = False
) -> Iterator[tuple[dict[str, _Operation], int, bool]]:
    """Each computation that runs, how often, and whether it is one kernel of its caller's."""
    operations = computations[name]
    yield operations, times, fused
    for operation in operations.values():
        runs, inside = times, fused or operation.kind == "fusion"
        if operation.kind == "while":
            found = re.search(r'known_trip_count\D*"?(\d+)', operation.attributes)
            runs *= int(found[1]) if found else 1
        if operation.kind in ("fusion", "while", "call", "conditional", "async-start"):
            for called in _called(operation):
                yield from _executed(computations, called, runs, inside)


def _called(operation: _Operation) -> list[str]:
    named = re.findall(r"(?:calls|body|to_apply)=%?([\w.-]+)", operation.attributes)
    branches = re.search(r"branch_computations=\{([^}]*)\}", operation.attributes)
    return named + re.findall(r"[\w.-]+", branches[1] if branches else "")


def _channel(collective: _Operation) -> str:
    found = re.search(r"channel_id=\d+", collective.attributes)
    return found[0] if found else collective.name


def _result_bytes(operation: _Operation, operations: dict[str, _Operation]) -> float:
    """Bytes of a collective's result: the type of one that only starts has its operands too."""
    if operation.kind in ("all-gather-start", "collective-permute-start"):
        return operation.bytes - sum(operations[name].bytes for name in operation.operands)
    return operation.bytes


def _memory_bytes(
    operation: _Operation, operations: dict[str, _Operation], computations: _Computations
) -> float:
    """Bytes that one operation reads and writes; of a slice in a larger array, the slice's."""
    read = [operations[name].bytes for name in operation.operands if name in operations]
    if operation.kind in ("dynamic-slice", "gather"):
        return 2 * operation.bytes
    if operation.kind == "dynamic-update-slice":
        return 2 * read[1]
    if operation.kind != "fusion":
        return operation.bytes + sum(read)
    inside = computations[_called(operation)[0]]
    total = operation.bytes
    parameters = {o.name: int(o.attributes) for o in inside.values() if o.kind == "parameter"}
    for name, number in parameters.items():
        users = [o for o in inside.values() if name in o.operands]
        if users and all(o.kind == "dynamic-slice" for o in users):
            total += sum(o.bytes for o in users)
        elif users and all(o.kind == "dynamic-update-slice" for o in users):
            # Updated in place: not read, and only the slices of the result are written.
            total -= read[number] - sum(inside[o.operands[1]].bytes for o in users)
        else:
            total += read[number]
    return max(total, 0.0)


def _parse(hlo: str) -> tuple[_Computations, str]:
    computations: _Computations = {}
    entry, current = "", None
    for line in hlo.splitlines():
        header = re.match(r"(ENTRY )?%?([\w.-]+) \(.*\{$", line)
        if header and not line.startswith(" "):
            current = computations.setdefault(header[2], {})
            entry = header[2] if header[1] else entry
        elif current is not None and " = " in line:
            operation = _parse_operation(line)
            if operation:
                current[operation.name] = operation
    return computations, entry


def _parse_operation(line: str) -> _Operation | None:
    found = re.match(r"\s+(?:ROOT )?%?([\w.-]+) = (.*)", line)
    if not found:
        return None
    name, rest = found.groups()
    kind = re.search(r"(?:^|[\s)}\]])([a-z][a-z0-9-]*)\(", _without_layouts(rest))
    if not kind:
        return None
    before, after = _without_layouts(rest).split(f"{kind[1]}(", 1)
    inner = after[: _closing(after)]
    return _Operation(
        name=name,
        kind=kind[1],
        bytes=_bytes(before),
        operands=tuple(re.findall(r"%([\w.-]+)", inner)),
        attributes=inner if kind[1] == "parameter" else rest,
    )


def _without_layouts(text: str) -> str:
    """Types without {1,0:T(8,128)}, whose letters and brackets look like operations."""
    return re.sub(r"(\])\{[^{}]*\}", r"\1", text)


def _closing(text: str) -> int:
    """Index of the bracket that closes one which is open before `text`."""
    depth = 1
    for i, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return i
    return len(text)


def _bytes(types: str) -> float:
    total = 0.0
    for kind, shape in re.findall(r"([a-z]\w*)\[([\d,<= ]*)\]", types):
        bits = BITS.get(kind) or int((re.search(r"\d+", kind) or ["0"])[0])
        count = 1
        for size in re.findall(r"\d+", shape):
            count *= int(size)
        total += count * bits / 8
    return total
