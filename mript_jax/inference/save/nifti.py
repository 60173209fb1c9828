"""NIfTI: the volume in the source's place and orientation. Needs nibabel."""

import dataclasses
import json
from pathlib import Path

import nibabel
import numpy as np
from nibabel import orientations

from mript_jax.inference.save.atomic import atomic_file
from mript_jax.inference.save.placing import Block, blocks, is_placed
from mript_jax.inference.volumes import ReconstructedVolume

SCANNER, ALIGNED = 1, 2  # NIfTI's codes of what an affine means
COMMENT = 6  # NIfTI's code of an extension with plain text


def write(folder: Path, result: ReconstructedVolume) -> list[Path]:
    """Write NAME.nii.gz, float32, with a fourth axis where slices share a position.

    Slices of several orientations, or not evenly spaced, become NAME_1.nii.gz, NAME_2.nii.gz ...
    Where the source was NIfTI the grid is the source's, with zeros for slices that were left out;
    else voxels are stored to the right, the front and the head.
    """
    found = [_of_source(block, result) for block in blocks(result)]
    known = is_placed(result)
    paths = []
    for number, (block, depth) in enumerate(found, 1):
        ending = f"_{number}" if len(found) > 1 else ""
        path = folder / f"{result.name}{ending}.nii.gz"
        image = _image(result, block, depth, known)
        with atomic_file(path) as temporary:
            nibabel.save(image, temporary)
        paths.append(path)
    return paths


def _image(
    result: ReconstructedVolume, block: Block, depth: int, known: bool
) -> nibabel.Nifti1Image:
    shape = result.reconstruction.shape[1:]
    voxels = np.zeros((*shape, depth, block.times), np.float32)
    for slice_, place, repeat in zip(block.slices, block.places, block.repeats, strict=True):
        voxels[:, :, place, repeat] = result.reconstruction[slice_]
    if block.times == 1:
        voxels = voxels[..., 0]
    source = result.attributes[block.slices[0]] if result.attributes else {}
    image = _in_axes(nibabel.Nifti1Image(voxels, block.affine), source.get("stored_axes", "RAS"))
    code = SCANNER if known else ALIGNED
    image.set_sform(image.affine, code)
    image.set_qform(image.affine, code, strip_shears=True)
    if not np.allclose(image.get_qform(), image.affine, atol=1e-3):
        image.set_qform(None, 0)  # sheared: the quaternions cannot say it
    image.header.set_xyzt_units("mm")
    facts = result.facts()
    note = f"{facts['software']} {result.title()} R={facts['true_acceleration']:.3g}"
    note += f" sha256={str(facts['checkpoint_sha256'])[:12]}" * bool(facts["checkpoint_sha256"])
    image.header["descrip"] = (note + ", position unknown" * (not known)).encode()[:79]
    text = json.dumps({**facts, "geometry": "of the source" if known else "assumed: 1 mm"})
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(COMMENT, text.encode()))
    return image


def _of_source(block: Block, result: ReconstructedVolume) -> tuple[Block, int]:
    """The block with its depth, in which slices of the source that were left out have a place."""
    count = result.attributes[0].get("volume_slices") if result.attributes else None
    if count is None or len(result.slice_numbers) != len(result.reconstruction):
        return block, block.depth
    numbers = [result.slice_numbers[i] % count for i in block.slices]
    before = numbers[0] - block.places[0]
    if numbers != [place + before for place in block.places]:
        return block, block.depth
    affine = block.affine.copy()
    affine[:3, 3] -= before * affine[:3, 2]
    return dataclasses.replace(block, affine=affine, places=numbers), count


def _in_axes(image: nibabel.Nifti1Image, codes: str) -> nibabel.Nifti1Image:
    """The image with its voxels stored in the directions of `codes`, such as "LPS"."""
    now = orientations.io_orientation(image.affine)
    wanted = orientations.axcodes2ornt(codes)
    return image.as_reoriented(orientations.ornt_transform(now, wanted))
