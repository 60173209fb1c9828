"""Cases run in forked processes that may die: each has limits of memory and of time."""

import dataclasses
import functools
import multiprocessing.connection
import os
import pickle
import resource
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

BATCH = 250  # cases of one process
CPU_SECONDS, WALL_SECONDS = 5.0, 20.0  # of one case; more is a hang
SPARE_BYTES = 512 * 2**20  # beside twice the decoded arrays
ADDRESS_SPACE = 4 * 2**30  # beyond what the process has; libraries reserve much for their threads
TIME_IS_UP = (signal.SIGPROF, signal.SIGALRM)

Note = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Died:
    """A process that ended in a case without a result."""

    signal: int
    note: str  # what the case said last

    @property
    def hung(self) -> bool:
        return self.signal in TIME_IS_UP


def run_cases(case: Callable[[int, Note], Any], count: int) -> Iterator[Any]:
    """`case(i, note)` of each i, in order, or Died; `note(text)` outlives the process."""
    start = 0
    while start < count:
        stop = min(start + BATCH, count)
        for result in _batch(case, start, stop):
            yield result
            start += 1


def call_isolated(function: Callable[[], Any]) -> Any:
    """The result of a function that runs in a process of its own."""
    (result,) = run_cases(lambda *_: function(), 1)
    assert not isinstance(result, Died), f"ended by signal {result.signal}"
    return result


def _batch(case: Callable[[int, Note], Any], start: int, stop: int) -> Iterator[Any]:
    """Results of the cases from `start` on: all, or those up to one that died."""
    receiver, sender = multiprocessing.connection.Pipe(duplex=False)
    child = os.fork()
    if not child:
        try:
            receiver.close()
            _work(case, range(start, stop), sender)
        finally:
            os._exit(0)
    sender.close()
    received, note = 0, ""
    with receiver:
        while received < stop - start:
            try:
                kind, content = pickle.loads(receiver.recv_bytes())
            except EOFError:
                break
            if kind == "note":
                note = content
                continue
            if kind == "failed":
                raise RuntimeError(f"{note}: {content}")
            yield content
            received += 1
    _, status = os.waitpid(child, 0)
    if received < stop - start:
        yield Died(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, note)


def _work(
    case: Callable[[int, Note], Any],
    numbers: range,
    sender: multiprocessing.connection.Connection,
) -> None:
    silent = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # libraries print what they think of a file
        os.dup2(silent, stream)
    warnings.simplefilter("ignore")
    os.environ["XDG_CACHE_HOME"] = os.devnull  # no index is kept of files that change
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    address_space = _status("VmSize") + ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (address_space, resource.RLIM_INFINITY))
    for name in TIME_IS_UP:
        signal.signal(name, signal.SIG_DFL)

    def send(kind: str, content: Any) -> None:
        sender.send_bytes(pickle.dumps((kind, content)))

    for number in numbers:
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
        try:
            send("result", case(number, functools.partial(send, "note")))
        except Exception:  # the case itself is wrong, not what it reads
            send("failed", traceback.format_exc())


def measure_memory(function: Callable[[], Any]) -> tuple[Any, int]:
    """The result of a function, and by how many bytes the process grew at most."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before = _status("VmRSS")
    result = function()
    return result, _status("VmHWM") - before


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return 1024 * int(line.split()[1])
    raise KeyError(field)
