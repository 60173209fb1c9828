"""BART's `pics` beside ours: total variation and wavelets with BART's own ESPIRiT maps.

Needs the program `bart` (Debian and Ubuntu: `apt-get install bart`). Weights are tuned like those
of our own compressed sensing.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import jax
import numpy as np

from mript_jax.batch import Batch, read_field
from mript_jax.errors import UserError
from mript_jax.physics.calibration import known_region

TIMEOUT = 600  # seconds of a command
CALIBRATION = 24  # most of the autocalibration region, as BART's default
KERNEL = 6  # as BART's default, where the region is twice as wide


class Bart:
    """Runs BART's commands on arrays, by way of files in a folder."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        if shutil.which("bart") is None:
            raise UserError("the program bart is not installed (apt-get install bart)")

    def __call__(self, command: str, *arrays: np.ndarray, results: int = 1) -> list[np.ndarray]:
        """The results [M, C, H, W] of a command on arrays [C, H, W]; BART has x, y, z, C, M."""
        names = [str(self.folder / f"in{i}") for i in range(len(arrays))]
        for name, array in zip(names, arrays, strict=True):
            shape = (*array.shape[1:], 1, array.shape[0], *[1] * 12)
            text = "# Dimensions\n" + " ".join(map(str, shape)) + "\n"
            Path(f"{name}.hdr").write_text(text, encoding="ascii")
            np.moveaxis(array, 0, -1).astype(np.complex64).ravel("F").tofile(f"{name}.cfl")
        outputs = [str(self.folder / f"out{i}") for i in range(results)]
        ran = subprocess.run(
            ["bart", *command.split(), *names, *outputs], capture_output=True, timeout=TIMEOUT
        )
        if ran.returncode:
            reason = ran.stderr.decode(errors="replace").strip().splitlines()
            raise UserError(f"bart {command} failed: {reason[-1] if reason else ran.returncode}")
        return [self._read(name) for name in outputs]

    @staticmethod
    def _read(name: str) -> np.ndarray:
        header = Path(f"{name}.hdr").read_text(encoding="ascii").splitlines()[1]
        shape = tuple(map(int, header.split()))
        array = np.fromfile(f"{name}.cfl", np.complex64).reshape(shape, order="F")
        return array.reshape(*shape[:2], *shape[3:5]).transpose(3, 2, 0, 1)


def bart_total_variation(batch: Batch, weight: jax.Array | float) -> np.ndarray:
    """`pics -R T`: [B, H, W, 1]."""
    return _pics(batch, f"-R T:3:0:{float(weight)}")


def bart_wavelet(batch: Batch, weight: jax.Array | float) -> np.ndarray:
    """`pics -R W`: [B, H, W, 1]."""
    return _pics(batch, f"-R W:3:0:{float(weight)}")


def _pics(batch: Batch, regularizer: str) -> np.ndarray:
    kspace = np.asarray(read_field(batch, "kspace"))
    images = np.zeros((len(kspace), *kspace.shape[2:], 1), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        bart = Bart(folder)
        for image, of_one, mask in zip(images, kspace, np.asarray(batch["mask"]), strict=True):
            if not of_one.any():  # an example that fills a batch up
                continue
            maps = np.ones_like(of_one)
            if len(of_one) > 1:
                region = known_region(mask, (CALIBRATION, CALIBRATION))
                # With few lines, the default kernel fails and the default crop loses 3 to 5 dB.
                kernel = min(KERNEL, *((n + 1) // 2 for n in region))
                (maps,) = bart(f"ecalib -m1 -c 0 -r {CALIBRATION} -k {kernel}", of_one)
                maps = maps[0]
            (found,) = bart(f"pics {regularizer} -i 100 -S", of_one, maps)
            image[..., 0] = np.abs(found[0, 0])
    return images
