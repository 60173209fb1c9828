"""Many scan files in one go: what is wrong with one is said in a line, and the others go on."""

import dataclasses
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from mript_jax.data.readers.describe import describe_source
from mript_jax.data.readers.recognize import ScanFile
from mript_jax.data.records import BlankRecord, Record
from mript_jax.errors import UserError
from mript_jax.inference.methods import Method
from mript_jax.inference.pipeline import reconstruct_volume
from mript_jax.inference.provenance import Provenance
from mript_jax.inference.reconstruction import Reconstruction
from mript_jax.inference.save import save_volume
from mript_jax.inference.trust import with_warnings
from mript_jax.inference.volumes import (
    ReconstructedVolume,
    distinct_name,
    iterate_volumes,
    output_name,
)
from mript_jax.physics.tasks import Task
from mript_jax.progress import Progress


@dataclasses.dataclass(frozen=True)
class Work:
    """The work to be done with every volume."""

    methods: Mapping[str, Method]
    network: Reconstruction | None  # one of the methods
    task: Task | None  # how fully sampled scans are undersampled
    output: Path
    formats: Sequence[str]
    provenances: Mapping[str, Provenance] = dataclasses.field(default_factory=dict)
    with_uncertainty: bool = False
    keep_identity: bool = False
    debug: bool = False  # show the traceback of what is no user error


@dataclasses.dataclass
class Outcome:
    """Counts of volumes, and of what could not be done."""

    done: int = 0
    skipped: int = 0  # files and volumes
    broken: int = 0  # slices that were left out of volumes
    seconds: float = 0.0

    def summary(self) -> str:
        """One line."""
        time_taken = timedelta(seconds=round(self.seconds))
        parts = [f"{self.done} volume{'s' * (self.done != 1)} in {time_taken}"]
        if self.skipped:
            parts.append(f"{self.skipped} skipped")
        if self.broken:
            parts.append(f"{self.broken} slices left out")
        return ", ".join(parts)


def reconstruct_files(scans: Sequence[ScanFile], work: Work) -> Outcome:
    """Reconstruct and save all volumes of all scans.

    A line for each volume goes to standard output before the work, and one for its result; errors,
    warnings and the remaining time go to standard error.
    """
    outcome, taken, begun = Outcome(), set[str](), time.monotonic()
    progress = Progress(len(scans))
    for scan in scans:
        try:
            source = scan.open()
            lines, volumes = describe_source(source), list(iterate_volumes(source))
        except Exception as error:
            outcome.skipped += 1
            progress.begin(0)
            _report(error, scan.path, work.debug)
            continue
        progress.begin(len(source))
        for line, (own_name, records) in zip(lines, volumes, strict=True):
            name = distinct_name(_name(scan, own_name, len(volumes)), taken)
            taken.add(name)
            print(line, flush=True)
            try:
                result = _reconstruct(work, name, records, progress)
                paths = save_volume(
                    work.output, result, work.formats, keep_identity=work.keep_identity
                )
            except Exception as error:
                outcome.skipped += 1
                progress.hide()
                _report(error, scan.path, work.debug)
                continue
            outcome.done += 1
            outcome.broken += sum(not isinstance(e, BlankRecord) for e in result.left_out)
            print(f"{paths[0]}: {result.summary()}", flush=True)
    outcome.seconds = time.monotonic() - begun
    return outcome


def _name(scan: ScanFile, volume: str, count: int) -> str:
    """That of the file, or of a folder with one DICOM series; else the volume's own."""
    whole = scan.path.is_file() or scan.format == "dicom"
    name = output_name(scan.path.resolve().name) if whole and count == 1 else volume
    return "_".join(filter(None, (scan.folder.replace("/", "_"), name)))


def _reconstruct(
    work: Work,
    name: str,
    records: Sequence[Record],
    progress: Progress,
) -> ReconstructedVolume:
    result = reconstruct_volume(
        work.methods,
        records,
        work.task,
        name,
        provenances=work.provenances,
        with_uncertainty=work.with_uncertainty,
        advance=progress.advance,
    )
    progress.hide()
    for error in result.left_out:
        print(f"left out: {_one_line(error)}", file=sys.stderr, flush=True)
    if work.network is not None:
        result = with_warnings(result, work.network.config)
    for line in result.warnings():
        print(f"warning: {name}: {line}", file=sys.stderr, flush=True)
    return result


def _report(error: Exception, path: Path, debug: bool) -> None:
    """One line on standard error that names the file."""
    if debug:
        traceback.print_exception(error)
    text = _one_line(error)
    if not isinstance(error, (UserError, OSError)):
        text = f"{type(error).__name__}: {text} (--debug shows where)"
    if path.name not in text:
        text = f"{path}: {text}"
    print(f"error: {text}", file=sys.stderr, flush=True)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
