"""Volumes through reconstruction methods: from the slices of a reader to a ReconstructedVolume."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mript_jax.data.records import BrokenRecord, Record
from mript_jax.data.transforms import volume_seed
from mript_jax.errors import UserError
from mript_jax.inference.arrays import full_mask
from mript_jax.inference.estimate import Estimate, MeasuredSlices
from mript_jax.inference.methods import Method
from mript_jax.inference.provenance import Provenance
from mript_jax.inference.uncertainty import uncertainty
from mript_jax.inference.volumes import OtherMethod, ReconstructedVolume, Trust, output_name
from mript_jax.physics.crop import center_crop, crop_kspace, zero_filled_scan
from mript_jax.physics.fourier import fft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.tasks import Task

SLICES = 8  # that are read and reconstructed together


class Undersampled(NamedTuple):
    """A slice with the mask that it is reconstructed from."""

    record: Record
    kspace: np.ndarray  # [C, H, W]
    mask: np.ndarray  # [H, W]
    simulated: bool  # the mask is ours, not the scanner's


class Part(NamedTuple):
    """Some reconstructed slices of a volume."""

    records: list[Record]  # without their k-space
    masks: np.ndarray  # [S, H, W] uint8
    simulated: bool
    coils: int
    estimates: list[Estimate]  # of each method
    zero_filled: np.ndarray  # [S, H, W]
    noise: np.ndarray  # [S]
    noise_residuals: np.ndarray  # [S]
    uncertainty: np.ndarray | None  # [S, H, W]


def reconstruct_volume(
    methods: Mapping[str, Method],
    records: Sequence[Record],
    task: Task | None,
    name: str = "",
    *,
    provenances: Mapping[str, Provenance] | None = None,
    with_uncertainty: bool = False,
    advance: Callable[[int], None] = lambda count: None,
) -> ReconstructedVolume:
    """Reconstruct a volume by each of the methods, of which the first is the main one.

    Slices that are broken or blank are left out; if none is left that is a UserError.

    Args:
      methods: of inference/methods.py, by name.
      records: the slices.
      task: how fully sampled slices are undersampled first; None: they are not.
      name: of the volume's files.
      provenances: of the methods, by name, for the outputs.
      with_uncertainty: also estimate the uncertainty, which triples the time.
      advance: called with the number of slices that are done.
    """
    left_out: list[BrokenRecord] = []
    parts = []
    for slices in _batches(records, task, left_out):
        parts.append(_reconstruct(methods, slices, with_uncertainty))
        advance(len(slices))
    if not parts:
        raise UserError(str(left_out[0]))
    kept = [record for part in parts for record in part.records]
    references = [record.image for record in kept if record.image is not None]
    known = provenances or {}
    main, *others = (
        OtherMethod(
            known.get(method, Provenance(method)),
            np.concatenate([part.estimates[i].images for part in parts]),
            np.concatenate([part.estimates[i].residuals for part in parts]),
        )
        for i, method in enumerate(methods)
    )
    spreads = [part.uncertainty for part in parts if part.uncertainty is not None]
    return ReconstructedVolume(
        name=name or output_name(kept[0].volume),
        reconstruction=main.images,
        zero_filled=np.concatenate([part.zero_filled for part in parts]),
        reference=np.stack(references) if len(references) == len(kept) else None,
        masks=np.concatenate([part.masks for part in parts]),
        simulated=all(part.simulated for part in parts),
        slice_numbers=tuple(record.slice_index for record in kept),
        geometries=tuple(record.geometry for record in kept),
        attributes=tuple(record.attributes for record in kept),
        paths=tuple(record.path for record in kept),
        provenance=main.provenance,
        others=tuple(others),
        trust=Trust(
            main.residuals,
            noise_residuals=np.concatenate([part.noise_residuals for part in parts]),
            noise=np.concatenate([part.noise for part in parts]),
            coils=parts[0].coils,
            uncertainty=np.concatenate(spreads) if spreads else None,
        ),
        left_out=tuple(left_out),
    )


def _batches(
    records: Sequence[Record], task: Task | None, left_out: list[BrokenRecord]
) -> Iterator[list[Undersampled]]:
    """The slices by eight; one that cannot be used goes to `left_out`."""
    batch: list[Undersampled] = []
    first: tuple[int, ...] = ()  # the shape of the k-space of all
    for number in range(len(records)):
        try:
            record = records[number]
        except BrokenRecord as error:
            left_out.append(error)
            continue
        batch.append(_undersampled(record, task))
        shape = batch[-1].kspace.shape
        first = first or shape
        if shape != first:
            raise UserError(f"{record.volume}: k-space of {first} and of {shape} in one volume")
        if len(batch) == SLICES:
            yield batch
            batch = []
    if batch:
        yield batch


def _undersampled(record: Record, task: Task | None) -> Undersampled:
    """A slice with its own mask, or where it is fully sampled with one of `task`."""
    kspace = _kspace(record)
    shape = kspace.shape[-2:]
    mask = np.ones(shape, np.float32)
    if record.mask is not None:
        mask = full_mask(record.mask, 1, shape)[0]
    if not mask.all() or task is None:
        return Undersampled(record, kspace, mask, simulated=False)
    numbers = (task.acceleration, task.center_fraction)
    mask = sample_mask(task.pattern, shape, *numbers, seed=volume_seed(record.volume))
    return Undersampled(record, kspace, mask, simulated=True)


def _reconstruct(
    methods: Mapping[str, Method], slices: Sequence[Undersampled], with_uncertainty: bool
) -> Part:
    shape = _image_shape(slices[0].record, slices[0].kspace.shape[-2:])
    cropped = [crop_kspace(one.kspace, one.mask, shape) for one in slices]
    measured = MeasuredSlices(*(np.stack(arrays) for arrays in zip(*cropped, strict=True)))
    estimates = [method(measured) for method in methods.values()]
    spread = None
    if with_uncertainty:
        main = next(iter(methods.values()))
        spread = center_crop(uncertainty(main, measured, estimates[0].images), shape)
    return Part(
        records=[dataclasses.replace(one.record, kspace=None) for one in slices],
        masks=np.stack([one.mask for one in slices]).astype(np.uint8),
        simulated=all(one.simulated for one in slices),
        coils=measured.kspace.shape[1],
        estimates=[e._replace(images=center_crop(e.images, shape)) for e in estimates],
        zero_filled=center_crop(np.abs(zero_filled_scan(measured.kspace)), shape),
        noise=measured.noise,
        noise_residuals=measured.noise_residuals,
        uncertainty=spread,
    )


def _kspace(record: Record) -> np.ndarray:
    """Measured k-space [C, H, W], or that of the magnitude image where a file has none."""
    if record.kspace is not None:
        return record.kspace
    if record.image is None:
        where = f"{record.volume}: slice {record.slice_index}"
        raise UserError(f"{where} has neither k-space nor image")
    return fft2c(record.image)[None]


def _image_shape(record: Record, kspace_shape: tuple[int, int]) -> tuple[int, int]:
    """The size of the image: the reference's, or what the header says, or that of k-space."""
    if record.image is not None:
        return record.image.shape
    return tuple(record.attributes.get("recon_size", kspace_shape))
