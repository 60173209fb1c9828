"""A model on batches, shared by the devices."""

import functools
import re

import jax
import numpy as np

from mript_jax.config import base_config
from mript_jax.inference.batch_runner import BatchRunner
from mript_jax.models import build_model

MODEL = {
    "name": "unrolled",
    "cascades": 1,
    "dtype": "float32",
    "network": {"name": "conv", "features": 4, "depth": 2, "dtype": "float32"},
}
COLLECTIVES = r"all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter"


def test_devices_do_not_wait_for_each_other(monkeypatch):
    config = base_config().unlock()
    config.model = MODEL
    rng = np.random.default_rng(0)
    parts = rng.standard_normal((2, 4, 2, 16, 16)).astype(np.float32)
    kspace = parts[0] + 1j * parts[1]  # [B, C, H, W]
    batch = {"kspace": kspace, "mask": np.ones((4, 16, 16), np.float32)}
    init = jax.jit(functools.partial(build_model(config.model).init, method="predict"))
    params = init(jax.random.key(0), batch)["params"]
    runner = BatchRunner(config, params)
    programs, predict = [], runner.predict

    def watched(params, batch):
        assert len(batch["kspace"].devices()) == 4
        program = predict.lower(params, batch).compile()
        programs.append(program.as_text())
        return program(params, batch)

    monkeypatch.setattr(runner, "predict", watched)
    images, _ = runner({"kspace": kspace}, batch["mask"], {})
    assert images.shape == (4, 16, 16)
    assert programs and not re.search(COLLECTIVES, programs[0])
