"""Compiling for devices that are not there, and what a step moves between devices."""

import importlib.util

import pytest

from mript_jax.config import load_config_file
from mript_jax.errors import UserError
from mript_jax.training import topology
from mript_jax.training.estimate import estimate
from mript_jax.training.setup import set_up
from mript_jax.training.topology import topology_devices


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("h200x:8", "did you mean 'h200'"),
        ("h100", "needs a shape, such as h100:8"),
        ("h100:2x4", "needs a shape, such as h100:8"),
        ("h100:0", "needs a shape"),
        ("v5e:8", "needs a shape, such as v5e:2x4"),
    ],
)
def test_topology_that_cannot_be_is_a_user_error(name, message):
    with pytest.raises(UserError, match=message):
        topology_devices(name)


@pytest.mark.parametrize(
    ("name", "package"), [("v5e:2x4", "libtpu"), ("h100:8", "jax-cuda12-plugin")]
)
def test_missing_package_of_a_topology_is_named_with_the_command(name, package, monkeypatch):
    monkeypatch.setattr(topology.importlib.util, "find_spec", lambda module: None)
    with pytest.raises(UserError, match=rf"needs the package {package}: pip install .*topology"):
        topology_devices(name)


FEATURE_MAP = 32 * 32 * 4 * 4  # bytes of one image's in the config below


def config_of(mesh, batch, iterations=1):
    config = load_config_file("mript_tiny").unlock()
    config.update({"mesh": mesh, "global_batch_size": batch})
    config.data.image_size = 32
    changes = {"width": 32, "depth": 2, "heads": 4, "features": 4, "patch_size": 4, "window": 4}
    changes |= {"global_blocks": (1,), "decoder_depth": 1, "decoder_mlp": 32, "num_patterns": 4}
    config.model.update(changes | {"decoder_downsample": 1, "iterations": iterations})
    config.optimizer.name = "adam"
    return config


def skip_without_packages(name):
    needed = {"": [], "v5e:2x4": ["libtpu"], "h100:8": ["jax_plugins", "jax_cuda12_plugin"]}[name]
    if not all(importlib.util.find_spec(module) for module in needed):
        pytest.skip("pip install -e '.[topology]'")


@pytest.mark.slow
@pytest.mark.parametrize("mesh", ["data:8", "fsdp:8", "data:2,fsdp:4"])
@pytest.mark.parametrize("devices", ["", "h100:8", "v5e:2x4"])
def test_no_collective_moves_the_batch(devices, mesh):
    skip_without_packages(devices)
    few, many = (estimate(config_of(mesh, batch), devices).traffic for batch in (8, 32))
    assert sum(few.counts.values()) > 0
    for kind in {*few.counts, *many.counts} - {"collective-permute"}:
        before, after = (t.collective_bytes.get(kind, 0) for t in (few, many))
        assert after <= 1.05 * before + 4096, f"{kind} grows with the batch"
    if mesh == "data:8":
        assert set(many.counts) == {"all-reduce"}


@pytest.mark.slow
@pytest.mark.parametrize("devices", ["", "h100:8", "v5e:2x4"])
def test_step_cut_along_the_model_axis_compiles_and_gathers_no_activations(devices):
    skip_without_packages(devices)
    few, many = (estimate(config_of("data:2,model:4", batch), devices).traffic for batch in (2, 16))
    grown = sum(many.collective_bytes[kind] for kind in many.counts if kind != "all-reduce")
    grown -= sum(few.collective_bytes[kind] for kind in few.counts if kind != "all-reduce")
    assert grown < 7 * FEATURE_MAP  # that of one image on a device more: its kernels, no pixels
    assert "all-to-all" not in many.counts


@pytest.mark.slow
def test_model_flops_do_not_depend_on_rematerialization():
    plain, remat = config_of("data:8", 8), config_of("data:8", 8)
    remat.model.remat = "full"
    plain, remat = set_up(plain), set_up(remat)
    executed = [setup.step_flops() for setup in (plain, remat)]
    assert executed[0] < executed[1]
    assert plain.model_flops() == remat.model_flops()
    assert plain.model_flops() == pytest.approx(executed[0], rel=0.2)
