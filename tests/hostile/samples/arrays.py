"""Bare arrays: NumPy's and BART's files."""

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mript_jax.data.readers.cfl import write_cfl
from tests.hostile import structure_tables
from tests.hostile.samples.sample import ENDLESS, Damage, Sample, Spans, numbers, source

# NumPy


def _numpy(folder: Path, shape: tuple[int, ...]) -> None:
    np.save(folder / "good.npy", numbers(shape, 1))
    np.save(folder / "hit.npy", numbers(shape, 0))


def _recognize_npy(path: Path) -> None:
    np.load(path, mmap_mode="r", allow_pickle=False)


def _npy_values(path: Path) -> Spans:
    """All but the signature: the header says once what the numbers are."""
    return [range(10, path.stat().st_size)]


def _numpy_sample(*shape: int) -> Sample:
    return Sample(
        write=functools.partial(_numpy, shape=shape),
        target="hit.npy",
        open=source("numpy"),
        recognize=_recognize_npy,
        structure=structure_tables.NPY,
        other_content=frozenset(structure_tables.NPY_OTHER_CONTENT),
        unprotected=_npy_values,
    )


NUMPY = (_numpy_sample(8, 6), _numpy_sample(3, 2, 8, 6))

# BART


def _cfl(folder: Path) -> None:
    write_cfl(folder / "good", numbers((1, 2, 8, 6), 1))
    write_cfl(folder / "hit", numbers((2, 2, 8, 6), 0))


def _recognize_cfl(path: Path) -> None:
    lines = path.with_suffix(".hdr").read_text("ascii").splitlines()
    assert [int(word) for word in lines[lines.index("# Dimensions") + 1].split()]


def _cfl_sample(suffix: str, structure: Mapping[str, Damage]) -> Sample:
    return Sample(
        write=_cfl,
        target=f"hit.{suffix}",
        open=source("cfl"),
        recognize=_recognize_cfl,
        structure=structure,
        other_content=frozenset(structure_tables.HDR_OTHER_CONTENT),
        unprotected=lambda path: [range(ENDLESS if suffix == "hdr" else path.stat().st_size)],
        own="hit.cfl",
        is_list=suffix == "hdr",  # of sizes, in an order that nothing else says
        named=("hit.",),
    )


CFL = (
    _cfl_sample("cfl", structure_tables.CFL),
    _cfl_sample("hdr", structure_tables.HDR),
)
