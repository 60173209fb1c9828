"""Complex k-space in .npy files: one array a file, with or without slices and coils."""

from pathlib import Path

import numpy as np

from mript_jax.data.readers.base import Source
from mript_jax.data.readers.files import find_files
from mript_jax.data.records import BlankRecord, BrokenRecord, Record
from mript_jax.errors import UserError
from mript_jax.physics.recognition.coils import looks_like_coils
from mript_jax.physics.recognition.mask import recognize_kspace


class NumpySource(Source):
    """A file or a folder of .npy files with k-space [H, W], [C, H, W], [S, H, W] or [S, C, H, W].

    The first axis of three is that of coils where the images look like coils of one slice, which
    `coils` overrules: "auto", "yes" or "no". Samples that are zero in all coils were not measured.
    """

    def __init__(self, path: str | Path, coils: str = "auto"):
        if coils not in ("auto", "yes", "no"):
            raise UserError(f"coils={coils!r} must be auto, yes or no")
        self._root, names = find_files(path, (".npy",))
        slices = []
        self._of_coils = {}
        for name in names:
            array = _open(self._root / name)
            self._of_coils[name] = array.ndim == 3 and (
                coils == "yes" or (coils == "auto" and looks_like_coils(np.asarray(array)))
            )
            count = 1 if array.ndim == 2 or self._of_coils[name] else len(array)
            slices += [(name, i) for i in range(count)]
        self._slices = slices
        super().__init__([name for name, _ in slices])

    def __getitem__(self, index: int) -> Record:
        name, number = self._slices[index]
        array = _open(self._root / name)
        part = array if array.ndim == 2 or self._of_coils[name] else array[number]
        kspace = np.array(part, np.complex64).reshape(-1, *array.shape[-2:])  # [C, H, W]
        if not np.isfinite(kspace).all():
            raise BrokenRecord(str(self._root / name), f"slice {number} holds NaN or infinity")
        mask = recognize_kspace(kspace)
        if not mask.any():
            raise BlankRecord(str(self._root / name), f"slice {number} is zero everywhere")
        return Record(None, name, number, kspace=kspace, mask=mask)


def _open(path: Path) -> np.ndarray:
    """The array of a file, which stays on disk until it is used."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} is no .npy file of numbers: {error}") from error
    if array.ndim not in (2, 3, 4) or not np.iscomplexobj(array) or min(array.shape) < 1:
        raise UserError(
            f"{path} holds {array.dtype} of shape {array.shape}; expected complex k-space [H, W], "
            "[C, H, W], [S, H, W] or [S, C, H, W]"
        )
    return array
