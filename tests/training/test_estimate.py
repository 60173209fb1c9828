from pathlib import Path

import pytest

from mript_jax.config import load_config_file
from mript_jax.training.estimate import estimate
from mript_jax.training.memory import device_memory

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mesh", [pytest.param("data:8", marks=pytest.mark.slow), "fsdp:8"])
def test_sharded_weights_need_less_memory_on_each_device(mesh):
    config = load_config_file(ROOT / "configs" / "unet.py").unlock()
    config.update({"mesh": mesh, "global_batch_size": 8})
    config.data.image_size, config.model.features, config.model.pools = 32, 32, 1
    found = estimate(config)
    whole = 3 * 4 * found.parameters  # weights and Adam's two averages
    assert found.device_bytes == device_memory()
    assert found.devices == 8 and found.flops > 0 and found.working_bytes > 0
    if mesh == "data:8":
        assert found.state_bytes == pytest.approx(whole, rel=0.01)
    else:
        assert found.state_bytes < 0.3 * whole
