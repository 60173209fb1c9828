"""fastMRI's layout: `reconstruction` [S, H, W], with the zero-filled images and the masks."""

from pathlib import Path

import h5py
import numpy as np

from mript_jax.inference.save.atomic import atomic_file
from mript_jax.inference.uncertainty import ABOUT
from mript_jax.inference.volumes import ReconstructedVolume


def write(folder: Path, result: ReconstructedVolume) -> list[Path]:
    """Write NAME.h5; `affine` [S, 4, 4] is there where the source has geometry.

    Further methods are `reconstruction_METHOD`; `residuals`, `noise_residuals` and `noise` have a
    number for each slice, and `uncertainty` is [S, H, W], with what it is as its attribute `about`.
    """
    path = folder / f"{result.name}.h5"
    same = bool(np.all(result.masks == result.masks[0]))
    with atomic_file(path) as temporary, h5py.File(temporary, "w") as file:
        file["reconstruction"] = result.reconstruction.astype(np.float32)
        file["zero_filled"] = result.zero_filled.astype(np.float32)
        for other in result.others:
            name = f"reconstruction_{other.provenance.method}"
            file[name] = other.images.astype(np.float32)
            file[name].attrs["checkpoint_sha256"] = other.provenance.checkpoint_sha256
        if result.trust:
            for name in ("residuals", "noise_residuals", "noise", "uncertainty"):
                if (found := getattr(result.trust, name)) is not None:
                    file[name] = np.asarray(found, np.float32)
            if "uncertainty" in file:
                file["uncertainty"].attrs["about"] = ABOUT
        file["mask"] = (result.masks[0] if same else result.masks).astype(np.float32)
        file["slice_numbers"] = np.asarray(result.slice_numbers, np.int64)
        if any("time" in attributes for attributes in result.attributes):
            file["time"] = [int(a.get("time", 0)) for a in result.attributes]
        affines = [geometry.affine for geometry in result.geometries if geometry is not None]
        if len(affines) == len(result.reconstruction):
            file["affine"] = np.stack(affines)
        file.attrs["max"] = float(result.reconstruction.max())
        for key, value in result.facts().items():
            file.attrs[key] = value
        file.attrs["simulated_undersampling"] = result.simulated
    return [path]
