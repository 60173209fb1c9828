"""The measurement of a batch, the same for one coil and for many."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.batch import Batch, read_field
from mript_jax.physics.espirit import sensitivity_maps
from mript_jax.physics.measurement import Measurement


def measurement_of(batch: Batch) -> Measurement:
    """From the batch's k-space, with its sensitivities or those of the autocalibration region.

    That a simulated image is real is not used: no scanner's is, and at 2x the symmetry of its
    k-space would give most of it away.
    """
    batch = add_sensitivities(batch)
    fields = ("kspace", "mask", "sensitivities")
    return Measurement(*(jnp.asarray(read_field(batch, name)) for name in fields))


def add_sensitivities(batch: Batch) -> dict[str, Any]:
    """The batch with the field `sensitivities`, estimated where it has none."""
    if "sensitivities" in batch:
        return dict(batch)
    kspace, masks = jax.device_get((read_field(batch, "kspace"), batch["mask"]))
    maps = [sensitivity_maps(*scan) for scan in zip(kspace, masks, strict=True)]
    return {**batch, "sensitivities": np.stack(maps)}
