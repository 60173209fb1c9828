"""Slices side by side on the cores of a CPU: the same images as together, compiled once."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from mript_jax import side_by_side
from mript_jax.evaluation.baselines import total_variation
from mript_jax.side_by_side import slice_by_slice

BATCH = {"image": np.arange(24.0).reshape(4, 3, 2), "more": [np.arange(4), None]}


@pytest.fixture
def cores(monkeypatch, request):
    """A process that has one device, a CPU with so many cores."""
    monkeypatch.setattr(jax, "local_devices", lambda: jax.devices()[:1])
    monkeypatch.setattr(side_by_side, "cores", lambda: request.param)
    side_by_side._threads.cache_clear()
    yield request.param
    side_by_side._threads.cache_clear()


several = pytest.mark.parametrize("cores", [3], indirect=True)


@pytest.mark.parametrize(("cores", "sizes"), [(1, [4]), (3, [1, 1, 1, 1])], indirect=["cores"])
def test_cores_get_a_slice_each_and_a_single_one_the_batch(cores, sizes):
    seen, lock = [], threading.Lock()

    def doubled(batch):
        with lock:
            seen.append(len(batch["image"]))
        return 2 * batch["image"], batch["more"]

    image, more = slice_by_slice(doubled, BATCH)
    np.testing.assert_array_equal(image, 2 * BATCH["image"])
    np.testing.assert_array_equal(more[0], BATCH["more"][0])
    assert more[1] is None and seen == sizes


@pytest.mark.parametrize(("devices", "sizes"), [(1, [1, 1]), (2, [2])])
def test_slices_that_lie_on_several_devices_stay_there(monkeypatch, devices, sizes):
    monkeypatch.setattr(side_by_side, "cores", lambda: 2)
    mesh = jax.make_mesh((devices,), ("data",), devices=jax.devices()[:devices])
    batch = jax.device_put(np.zeros((2, 3)), NamedSharding(mesh, PartitionSpec("data")))
    seen = []
    slice_by_slice(lambda some: seen.append(len(some)) or some, batch)
    assert seen == sizes


@several
def test_slices_run_at_the_same_time(cores):
    together = threading.Barrier(cores, timeout=20)  # broken unless so many threads wait at it
    batch = np.zeros((cores, 1))
    np.testing.assert_array_equal(
        slice_by_slice(lambda one: one + (together.wait() >= 0), batch), 1
    )


@several
def test_threads_compile_a_function_once(cores):
    traced = []

    @jax.jit
    def norm(batch):
        traced.append(batch.shape)
        return jnp.linalg.norm(batch, axis=(1, 2))

    slice_by_slice(norm, BATCH["image"])
    assert traced == [(1, 3, 2)]


@several
def test_errors_of_a_slice_reach_the_caller(cores):
    def reconstruct(one):
        if one[0] == 2:
            raise ValueError("slice 2")
        return one

    with pytest.raises(ValueError, match="slice 2"):
        slice_by_slice(reconstruct, np.arange(4))


@several
@pytest.mark.parametrize("weight", [0.01, np.array([0.0, 0.01, 0.05], np.float32)])
def test_compressed_sensing_is_the_same_slice_by_slice(cores, monkeypatch, weight):
    rng = np.random.default_rng(0)
    mask = (rng.uniform(size=(3, 16, 16)) < 0.5).astype(np.float32)
    kspace = mask[:, None] * (rng.standard_normal((3, 1, 16, 16)) + 0j).astype(np.complex64)
    batch = {"kspace": kspace, "mask": mask, "zero_filled": np.zeros((3, 16, 16, 1), np.float32)}
    alone = total_variation(batch, weight, iterations=5)
    monkeypatch.setattr(side_by_side, "cores", lambda: 1)
    np.testing.assert_allclose(alone, total_variation(batch, weight, iterations=5), atol=1e-6)
    assert np.ptp(alone) > 0
