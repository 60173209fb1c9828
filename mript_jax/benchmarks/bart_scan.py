"""A scan of several coils, reconstructed by a checkpoint and by BART, side by side.

  mript benchmark bart_scan --checkpoint=small --input=kspace.npy --output=runs/bart_scan

For scans without a reference: how far the images are apart after scaling, and a picture of both.
`--input` is complex k-space [C, H, W] in .npy, undersampled as measured. BART's is `pics` with
the ESPIRiT maps of `ecalib`, for wavelets and total variation and several weights.
"""

from pathlib import Path

import numpy as np
from absl import flags
from PIL import Image

from mript_jax import cli
from mript_jax.data.readers import open_source
from mript_jax.errors import UserError
from mript_jax.evaluation.baselines import bart_total_variation, bart_wavelet
from mript_jax.evaluation.baselines.tuning import CANDIDATES
from mript_jax.evaluation.report.pictures import grey, white_point
from mript_jax.inference.reconstruction import load
from mript_jax.text_table import markdown_table

METHODS = {"total variation": bart_total_variation, "wavelet": bart_wavelet}
GAP = 4  # pixels between the pictures


def distance(image: np.ndarray, other: np.ndarray) -> float:
    """Norm of the difference over that of `other`, after scaling `image` by least squares."""
    scale = np.vdot(image, other) / max(np.vdot(image, image), 1e-30)
    return float(np.linalg.norm(scale * image - other) / np.linalg.norm(other))


def side_by_side(images: list[np.ndarray]) -> Image.Image:
    """A picture of images [H, W], each with gray values of its own."""
    gray = [grey(image, white_point(image)) for image in images]
    gap = np.full((len(gray[0]), GAP), 255, np.uint8)
    row = np.concatenate([part for image in gray for part in (image, gap)][:-1], axis=1)
    return Image.fromarray(row)


def define_flags() -> None:
    flags.DEFINE_string("checkpoint", None, "A run's folder, or the name of a shipped model.")
    flags.DEFINE_string("input", None, "k-space [C, H, W] in .npy.")
    flags.DEFINE_string("output", None, "Folder for the table and the picture.")


def main() -> None:
    values = cli.FLAGS
    cli.required(checkpoint=values.checkpoint, input=values.input, output=values.output)
    record = open_source("numpy", str(cli.existing_path("input", values.input)))[0]
    if record.kspace is None or record.kspace.shape[0] < 2:
        raise UserError(f"--input={values.input} is not k-space of several coils")
    kspace = record.kspace.astype(np.complex64)  # [C, H, W]
    mask = np.any(kspace, axis=0).astype(np.float32)
    ours = load(values.checkpoint)(kspace, mask, coil_axis=0)
    batch = {"kspace": kspace[None], "mask": mask[None]}
    theirs = {
        (name, weight): method(batch, weight)[0, ..., 0]
        for name, method in METHODS.items()
        for weight in CANDIDATES
    }
    rows = [
        {"BART": name, "weight": weight, "distance": distance(ours, image)}
        for (name, weight), image in theirs.items()
    ]
    nearest = min(theirs, key=lambda which: distance(ours, theirs[which]))
    output = Path(values.output)
    output.mkdir(parents=True, exist_ok=True)
    side_by_side([ours, theirs[nearest]]).save(output / "side_by_side.png")
    table = markdown_table(rows)
    (output / "table.md").write_text(table + "\n")
    print(table)
    print(f"{output}/side_by_side.png: {values.checkpoint}, and BART's {nearest[0]} {nearest[1]:g}")
