"""One side of a race (race.py): times a call for each line of its input, and prints JSON.

Imports nothing but Python's own, so that a Python without this package runs it too.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping


def serve(functions: Mapping[str, Callable[[], object]]) -> None:
    """Answer each name on the input with the seconds, the processor seconds and the memory so far.

    The first call of each function, which may compile, is not timed.
    """
    called = set()
    print("ready", flush=True)
    for line in sys.stdin:
        name = line.strip()
        if name not in called:
            functions[name]()
            called.add(name)
        began, processor = time.perf_counter(), time.process_time()
        functions[name]()
        times = {"seconds": time.perf_counter() - began}
        times |= {"processor": time.process_time() - processor, "memory": peak_memory()}
        print(json.dumps(times), flush=True)


def peak_memory() -> float:
    """Bytes of this process at its peak (Linux)."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(1024 * float(line.split()[1]) for line in file if line.startswith("VmHWM"))
