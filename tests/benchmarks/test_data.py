import numpy as np
import pytest

from mript_jax.benchmarks import data
from mript_jax.errors import UserError


@pytest.fixture
def small(monkeypatch):
    for name, value in {"SIZE": 32, "PICTURES": 20, "VOLUMES": 1, "SLICES": 3, "BATCH": 4}.items():
        monkeypatch.setattr(data, name, value)


@pytest.mark.slow
def test_every_source_is_measured_at_every_stage(small):
    results = data.measure(workers=(0,), seconds=0.05)
    sources = {row["source"] for row in results["throughput"]}
    assert {"PNG", "ArrayRecord", "fastMRI", "phantom"} <= sources
    assert all(row["samples_per_second"] > 0 for row in results["throughput"])
    for source in sources:
        shares = [row["share"] for row in results["stages"] if row["source"] == source]
        assert len(shares) == 5
        np.testing.assert_allclose(sum(shares), 1)
    assert [row["epoch"] for row in results["memory"]] == list(range(1, data.EPOCHS + 1))


def test_peer_that_does_not_run_is_a_user_error(small, tmp_path):
    with pytest.raises(UserError, match="does not run"):
        data.peer_rate(str(tmp_path), data.sys.executable, str(tmp_path), 0, 0.1)
