"""Whole volumes: the slices of a reader, volume by volume, and what becomes of them."""

import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mript_jax.data.geometry import Geometry
from mript_jax.data.readers.base import Source
from mript_jax.data.records import BrokenRecord, Record
from mript_jax.evaluation.metrics import psnr
from mript_jax.inference.provenance import Provenance
from mript_jax.physics.recognition.mask import recognize_mask

# Endings of scan files; what else follows a dot belongs to the name (DICOM's numbers of series).
ENDING = re.compile(
    r"\.(h5|hdf5|mrd|mat|npy|npz|cfl|hdr|nii|nii\.gz|mgz|mgh|mnc|dcm|ima|png|jpe?g|tiff?|bmp)$",
    re.IGNORECASE,
)
UNUSABLE = re.compile(r"^\.|[/\\:]|[^\x20-\x7e\u00a1-\uffff]")  # in a file's name
LONGEST_NAME = 160
RECONSTRUCTION = "reconstruction"


class OtherMethod(NamedTuple):
    provenance: Provenance
    images: np.ndarray  # [S, H, W]
    residuals: np.ndarray  # [S]
    warnings: tuple[str, ...] = ()  # as of Trust


@dataclasses.dataclass(frozen=True)
class Trust:
    """The reliability of the images of a method, as far as the scan itself shows it."""

    residuals: np.ndarray  # [S], ||M F S x - y|| / ||y|| over the measured samples
    noise_residuals: np.ndarray  # [S], what the noise alone would leave
    noise: np.ndarray  # [S], the noise level of k-space
    coils: int
    uncertainty: np.ndarray | None = None  # [S, H, W], a standard deviation of the error
    warnings: tuple[str, ...] = ()  # in what the scan is unlike the training data

    def of(self, other: OtherMethod) -> "Trust":
        """That of another method on the same scan."""
        return dataclasses.replace(
            self, residuals=other.residuals, uncertainty=None, warnings=other.warnings
        )

    def summary(self) -> str:
        """The residual and the noise's, in the mean over slices."""
        return f"residual {self.residuals.mean():.3f} (noise {self.noise_residuals.mean():.3f})"


@dataclasses.dataclass(frozen=True)
class ReconstructedVolume:
    name: str
    reconstruction: np.ndarray  # [S, H, W]
    zero_filled: np.ndarray  # [S, H, W]
    reference: np.ndarray | None  # [S, H, W]
    masks: np.ndarray  # [S, H, W] of the k-space
    simulated: bool  # the mask was ours, not the scanner's
    slice_numbers: tuple[int, ...] = ()  # of each slice in the source
    geometries: tuple[Geometry | None, ...] = ()  # of each slice, where the source says it
    attributes: tuple[Mapping[str, Any], ...] = ()  # of each slice's record
    paths: tuple[str | None, ...] = ()  # of the file that each slice was read from
    provenance: Provenance = dataclasses.field(default_factory=Provenance)
    others: tuple[OtherMethod, ...] = ()  # further methods, for comparison
    trust: Trust | None = None
    left_out: tuple[BrokenRecord, ...] = ()  # slices that cannot be read, or are blank
    content: str = RECONSTRUCTION  # or what else the array of that name holds

    def by_method(self) -> list["ReconstructedVolume"]:
        """A volume for each method; those of the others are called NAME_METHOD."""
        alone = dataclasses.replace(self, others=())
        return [
            alone,
            *(
                dataclasses.replace(
                    alone,
                    name=f"{self.name}_{other.provenance.method}",
                    reconstruction=other.images,
                    provenance=other.provenance,
                    trust=self.trust and self.trust.of(other),
                )
                for other in self.others
            ),
        ]

    def facts(self) -> dict[str, str | float]:
        """Method, weights, acceleration, residual and warnings, which every output carries."""
        seen = recognize_mask(self.masks[0])
        facts: dict[str, str | float] = {
            "software": f"mript_jax {self.provenance.version}",
            "commit": self.provenance.commit,
            "method": self.provenance.method,
            "checkpoint": self.provenance.checkpoint,
            "checkpoint_sha256": self.provenance.checkpoint_sha256,
            "config_hash": self.provenance.config_hash,
            "pattern": seen.pattern,
            "true_acceleration": float(seen.true_acceleration),
            "undersampling": "retrospective" if self.simulated else "prospective",
            "content": self.content,
        }
        if self.trust:
            facts["residual"] = float(self.trust.residuals.mean())
            facts["noise_residual"] = float(self.trust.noise_residuals.mean())
            facts["warnings"] = "; ".join(self.warnings())
        return facts

    def title(self) -> str:
        """The method, and the content where it is no reconstruction."""
        method = self.provenance.method
        return method if self.content == RECONSTRUCTION else f"{method} {self.content}"

    def warnings(self) -> list[str]:
        """Those of all its methods."""
        of_others = [line for other in self.others for line in other.warnings]
        return [*(self.trust.warnings if self.trust else ()), *of_others]

    def mean_psnr(self, images: np.ndarray) -> float:
        """The PSNR of images [S, H, W] in dB, in the mean over the slices of the reference."""
        reference = self.reference
        assert reference is not None
        return float(np.mean(psnr(reference, images, data_range=reference.max())))

    def summary(self) -> str:
        """One line: what was done, and how near the reference it came."""
        seen = recognize_mask(self.masks[0])
        differ = "" if np.all(self.masks == self.masks[0]) else ", a mask for each slice"
        how = "retrospective" if self.simulated else "prospective"
        line = (
            f"{len(self.reconstruction)} slices, {seen.pattern}, "
            f"acceleration {seen.true_acceleration:.2f} ({how}{differ})"
        )
        if self.reference is not None:
            before, after = map(self.mean_psnr, (self.zero_filled, self.reconstruction))
            line += f", PSNR {after:.2f} dB (zero-filled {before:.2f} dB)"
        return f"{line}, {self.trust.summary()}" if self.trust else line


class Slices(Sequence[Record]):
    """Neighbouring slices of a source, read one by one: a volume need not fit in memory."""

    def __init__(self, source: Source, start: int, end: int):
        self._source, self._numbers = source, range(start, end)

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index):
        chosen = self._numbers[index]
        if isinstance(chosen, range):
            return [self._source[i] for i in chosen]
        return self._source[chosen]


def iterate_volumes(source: Source) -> Iterator[tuple[str, Sequence[Record]]]:
    """The slices of a source, volume by volume, with a name for the files of each."""
    # fastMRI's volumes are named without their folder, in which there may be others of that name.
    volumes = source.names
    start = 0
    taken: set[str] = set()
    for end in range(1, len(volumes) + 1):
        if end == len(volumes) or volumes[end] != volumes[start]:
            name = distinct_name(output_name(volumes[start]), taken)
            taken.add(name)
            yield name, Slices(source, start, end)
            start = end


def output_name(volume: str) -> str:
    """The name of a volume's files: its folders and its name without a scan's ending."""
    return UNUSABLE.sub("_", ENDING.sub("", volume))[-LONGEST_NAME:] or "volume"


def distinct_name(name: str, taken: set[str]) -> str:
    """The name, numbered where it is taken."""
    numbered = (f"{name}_{i}" for i in itertools.count(2))
    return next(n for n in itertools.chain([name], numbered) if n not in taken)
