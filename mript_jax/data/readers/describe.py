"""A short description of scans, for the user to check before the work: sizes and sampling."""

import itertools

from mript_jax.data.readers.base import Source
from mript_jax.data.records import BlankRecord, Record
from mript_jax.errors import UserError
from mript_jax.physics.recognition.mask import recognize_mask


def describe_source(source: Source) -> list[str]:
    """A line for each volume, of which only the first slice with a signal is read.

    Such as "head.h5: 12 slices, 8 coils, 256 x 256, acceleration 4.0, cartesian random".
    """
    volumes = itertools.groupby(range(len(source)), key=lambda i: source.names[i])
    return [_describe_volume(source, name, list(numbers)) for name, numbers in volumes]


def _describe_volume(source: Source, name: str, numbers: list[int]) -> str:
    slices = f"{len(numbers)} slice{'s' * (len(numbers) > 1)}"
    for number in numbers:
        try:
            record = source[number]
        except BlankRecord:
            continue
        except UserError as error:
            return f"{name}: {slices}, of which one cannot be read: {error}"
        return f"{name}: {slices}, {describe_slice(record)}"
    return f"{name}: {slices}, all of them blank"


def describe_slice(record: Record) -> str:
    """Coils, size of the image, size of k-space where it is another, sampling."""
    if record.kspace is None:
        shape = record.reference.shape
        return f"images, {shape[0]} x {shape[1]}"
    coils, height, width = record.kspace.shape
    size = (height, width) if record.image is None else record.image.shape
    size = tuple(record.attributes.get("recon_size") or size)
    parts = [f"{coils} coil{'s' * (coils > 1)}", f"{size[0]} x {size[1]}"]
    if size != (height, width):
        parts[-1] += f" (k-space {height} x {width})"
    notes = record.attributes.get("notes", [])
    if record.mask is None or record.mask.all():
        return ", ".join([*parts, "fully sampled", *notes])
    seen = recognize_mask(record.mask)
    if record.image is None:
        parts += [f"acceleration {seen.true_acceleration:.1f}", seen.pattern.replace("_", " ")]
        if seen.partial_fourier < 1:
            parts.append(f"partial Fourier {seen.partial_fourier:.2f}")
    return ", ".join([*parts, *notes])
