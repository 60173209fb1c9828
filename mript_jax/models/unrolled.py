"""An unrolled reconstruction: cascades of a learned regularizer and data consistency.

Complex, for any number of coils: x <- consistency(x + network(x, memory)), once per cascade. The
E2E-VarNet, MoDL and D5C5 are settings of the same fields (configs/varnet.py, modl.py, d5c5.py).
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from mript_jax.batch import Batch, read_field
from mript_jax.errors import UserError
from mript_jax.fields import field, required
from mript_jax.models.base import ReconstructionModel, build_from, dtype_field
from mript_jax.models.coil_maps import Refinement, unit_maps
from mript_jax.models.consistency import absolute
from mript_jax.models.regularizer import NETWORKS
from mript_jax.models.scan_description import describe, estimate_noise
from mript_jax.models.starts import STARTS
from mript_jax.models.unrolled_consistency import CONSISTENCIES, Scan
from mript_jax.physics.coils import (
    calibration_images,
    expand,
    fitted_maps,
    root_sum_of_squares,
)
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.measurement import Measurement, residual, start
from mript_jax.target import current_target

GUIDES = ("none", *STARTS)
MAPS = ("given", "calibrated", "refined")
FIRST_GATE = -2.0  # logit: before training, a cascade takes over an eighth of the guide
GATE_SCALE = 10.0  # of the network's output, which is small


class Cascade(nn.Module):
    """One regularizer and one data consistency: (image, memory) -> (image, memory).

    A guide is another image of the same scan. The network sees it, and says at each pixel how far
    the image moves towards it, apart from what it changes itself.
    """

    network: Mapping[str, Any]
    consistency: str
    steps: int

    @nn.compact
    def __call__(
        self,
        state: tuple[jax.Array, jax.Array],
        position: jax.Array,
        scan: Scan,
        guide: jax.Array | None,
        condition: jax.Array,
        train: bool,
    ) -> tuple[tuple[jax.Array, jax.Array], None]:
        x, memory = state  # [B, H, W] complex, [B, H, W, M]
        M = memory.shape[-1]
        network = build_from(NETWORKS, self.network, "model.network", name="network")
        consistency = CONSISTENCIES[self.consistency](self.steps, name="consistency")
        condition = nn.gelu(condition + nn.Dense(condition.shape[-1], name="position")(position))
        features = [_channels(x), memory, *([] if guide is None else [_channels(guide)])]
        change = network(jnp.concatenate(features, axis=-1), condition, train)
        change = change.astype(jnp.float32)  # [B, H, W, 2 + M], and 2 more beside a guide
        of_image = jax.lax.complex(change[..., 0], change[..., 1])
        if guide is not None:
            first = nn.initializers.constant(FIRST_GATE)
            zeros = nn.initializers.zeros
            gate = nn.Dense(1, kernel_init=zeros, bias_init=first, name="gate")(condition)
            gate = nn.sigmoid(gate[:, None] + GATE_SCALE * change[..., -1])
            of_image = of_image + gate * (guide - x)
        maps = scan.measured.sensitivities
        if maps is not None:  # nothing is measured where all of them are zero
            of_image = jnp.where(jnp.any(maps != 0, axis=1), of_image, -x)
        memory = memory + change[..., 2 : 2 + M]
        return (consistency(x, of_image, scan, condition), memory), None


def _given(batch: Batch) -> dict[str, Any]:
    """Facts on a scan that a batch may hold beside its samples."""
    return {name: batch.get(name) for name in ("sensitivities", "noise_level")}


def _channels(image: jax.Array) -> jax.Array:
    """Real and imaginary part: [B, H, W] -> [B, H, W, 2]."""
    return jnp.stack([image.real, image.imag], axis=-1)


class Unrolled(ReconstructionModel):
    """Undersampled k-space of one or many coils -> magnitude of the coil-combined image."""

    cascades: int = required("regularizers, each followed by data consistency", at_least=1)
    network: Mapping = required("the regularizer, a model config of its own: models/regularizer.py")
    dtype: str = dtype_field("the refinement of maps alone; cascades have model.network.dtype")
    consistency: str = field(
        "adaptive",
        "data consistency of a cascade, see models/unrolled_consistency.py",
        choices="mript_jax.models.unrolled_consistency:CONSISTENCIES",
    )
    steps: int = field(
        4, "steps of conjugate gradients in each cascade, where there are several coils", at_least=1
    )
    shared: bool = field(False, "all cascades have the same weights")
    memory: int = field(
        8, "features passed from cascade to cascade beside the image: 0, or 2 or more", at_least=0
    )
    condition: int = field(64, "channels of the condition that modulates each cascade", at_least=1)
    start: str = field(
        "sense",
        "the image that the first cascade gets, see models/starts.py",
        choices="mript_jax.models.starts:STARTS",
    )
    guide: str = field(
        "sparse",
        "an image that each cascade sees too and may move towards; none: no such image",
        choices=GUIDES,
    )
    maps: str = field(
        "calibrated",
        "coil sensitivity maps: from the autocalibration region, refined by a network, or given",
        choices=MAPS,
    )
    remat: bool = field(False, "rematerialization of the cascades in the backward pass")
    scan_cascades: bool | None = field(
        None, "compile one cascade for all; None: where it is not slower, all but training on CPUs"
    )

    multi_coil: ClassVar[bool] = True
    fills_kspace: ClassVar[bool] = True
    core_each: ClassVar[bool] = True

    def validate(self) -> None:
        build_from(NETWORKS, self.network, "model.network", parent=None)
        if self.memory == 1:
            raise UserError("config.model.memory=1 must be 0, or 2 or more")

    def batch_fields(self) -> tuple[str, ...]:
        return ("kspace", "sensitivities") if self.maps == "given" else ("kspace",)

    def takes_sensitivities(self) -> bool:
        return self.maps != "refined"  # trained together with the rest

    def predict(self, batch: Batch, train: bool = False) -> jax.Array:
        return self(read_field(batch, "kspace"), batch["mask"], **_given(batch), train=train)[
            ..., None
        ]

    def predict_kspace(self, batch: Batch, train: bool = False) -> jax.Array:
        kspace = read_field(batch, "kspace")
        x, scan, peak = self.solve(kspace, batch["mask"], **_given(batch), train=train)
        coils = expand(x, scan.measured.sensitivities)  # [B, C, H, W]
        return fft2c(coils) * peak[:, None, None, None]

    def predict_with_residual(self, batch: Batch) -> tuple[jax.Array, jax.Array]:
        x, scan, peak = self.solve(read_field(batch, "kspace"), batch["mask"], **_given(batch))
        return absolute(x)[..., None] * peak[:, None, None, None], residual(x, *scan.measured)

    def __call__(self, kspace: jax.Array, mask: jax.Array, **given: Any) -> jax.Array:
        """The magnitude images [B, H, W] of `solve`."""
        x, _, peak = self.solve(kspace, mask, **given)
        return absolute(x) * peak[:, None, None]

    @nn.compact
    def solve(
        self,
        kspace: jax.Array,
        mask: jax.Array,
        sensitivities: jax.Array | None = None,
        noise_level: jax.Array | None = None,
        train: bool = False,
    ) -> tuple[jax.Array, Scan, jax.Array]:
        """k-space [B, C, H, W], masks [B, H, W] -> complex images [B, H, W], scans, scales [B].

        Images and scans are in units of the scales. Maps and noise are estimated if not given.
        """
        noise = estimate_noise(kspace, mask) if noise_level is None else noise_level
        peak = jnp.max(root_sum_of_squares(ifft2c(kspace), axis=1), axis=(1, 2))  # [B]
        peak = jnp.where(peak > 0, peak, 1.0)
        kspace, noise = kspace / peak[:, None, None, None], noise / peak
        if sensitivities is None:
            images = calibration_images(kspace, mask)
            if self.maps == "refined":
                images = Refinement(8, 3, self.dtype, name="maps")(images, train)
            sensitivities = unit_maps(images)
        elif self.maps == "given":  # those of a training are the true ones, without the phase
            sensitivities = fitted_maps(sensitivities, kspace, mask)
        scan = Scan(Measurement(kspace, mask, sensitivities), noise)
        zero_filled = start(*scan.measured)  # [B, H, W]
        x = jax.lax.stop_gradient(STARTS[self.start](scan))
        guide = None
        if self.guide != "none":
            guide = jax.lax.stop_gradient(STARTS[self.guide](scan))
        memory = _channels(zero_filled)[..., : self.memory]
        memory = jnp.pad(memory, [(0, 0)] * 3 + [(0, max(self.memory - 2, 0))])
        condition = nn.Dense(self.condition, name="describe")(describe(mask, noise))
        condition = nn.Dense(self.condition, name="condition")(nn.gelu(condition))
        inputs = (self._positions(), scan, guide, condition, train)
        (x, _), _ = self._cascades(train)((x, memory), *inputs)
        return x, scan, peak

    def _positions(self) -> jax.Array:
        """The position of each cascade, up to 1 for the last: [cascades, 1, 1]."""
        return jnp.linspace(1 / self.cascades, 1.0, self.cascades)[:, None, None]

    def _cascades(self, train: bool) -> nn.Module:
        scanned = self.scan_cascades
        if scanned is None:
            # On CPUs XLA takes 13 times as long for the gradients of convolutions in a loop.
            scanned = current_target().platform != "cpu" or not train
        cascade = Cascade
        if self.remat:
            cascade = nn.remat(Cascade, prevent_cse=not scanned, static_argnums=(6,))
        return nn.scan(
            cascade,
            variable_axes={} if self.shared else {"params": 0},
            variable_broadcast="params" if self.shared else False,
            split_rngs={"params": not self.shared, "dropout": True},
            in_axes=(0, nn.broadcast, nn.broadcast, nn.broadcast, nn.broadcast),
            length=self.cascades,
            unroll=1 if scanned else max(self.cascades, 2),  # 2: else one cascade is a loop too
        )(
            self.network,
            self.consistency,
            self.steps,
            name="cascade" if self.shared else "cascades",  # whose kernels are stacked
        )
