"""Training on scans whose number of coils differs from batch to batch."""

import jax.numpy as jnp
import pytest

from mript_jax.training.loop import train
from mript_jax.training.losses import LOSSES, Loss


@pytest.fixture
def coil_loss(monkeypatch):
    """A loss that reads k-space, and notes for which numbers of coils it was compiled."""
    compiled = []

    def values(apply, batch):
        compiled.append(batch["full_kspace"].shape[1])
        error = jnp.mean(jnp.abs(apply("predict") - batch["target"]), axis=(1, 2, 3))
        return error + 0.0 * jnp.mean(jnp.abs(batch["full_kspace"]), axis=(1, 2, 3))

    monkeypatch.setitem(LOSSES, "coils", Loss(values, batch_fields=("full_kspace",)))
    return compiled


def test_each_number_of_coils_compiles_once(coil_loss, quick_config, tmp_path, capfd):
    config = quick_config(loss="coils", total_steps=8)
    config.data.update({"source": "generated", "undersampling": "simulated"})
    config.data.options.generated.update({"count": 40, "size": 32, "kinds": ("leaves",)})
    config.data.simulation.coils = (1, 2)
    state = train(config, tmp_path)
    assert int(state.step) == 8 and int(state.skipped) == 0
    assert set(coil_loss) == {1, 2}
    assert "compiled again" not in capfd.readouterr().err
