"""Each protocol scores as its public code does."""

import types

import numpy as np
import pytest

from mript_jax.errors import UserError
from mript_jax.evaluation.evaluate import evaluate_tasks
from mript_jax.physics.tasks import TASKS


def volume_batch(stored, kind: str, maximum: float) -> tuple[dict, list]:
    """A golden volume as a batch: each slice divided by a scale of its own."""
    reference, estimate = stored[f"in/{kind}/gt"], stored[f"in/{kind}/pred"]
    scale = np.linspace(0.5, 2.0, len(reference)).astype(np.float32)[:, None, None]
    batch = {
        "target": (reference / scale)[..., None],
        "zero_filled": (estimate / scale)[..., None],
        "mask": np.ones_like(reference),
        "maximum": maximum / scale[:, 0, 0],
    }
    return batch, [types.SimpleNamespace(volume=kind, slice_index=i) for i in range(5)]


@pytest.mark.parametrize("kind", ("structured", "blurred", "random"))
@pytest.mark.parametrize("which", ("none", "given"))
def test_fastmri_official_equals_the_public_fastmri_code(golden, kind, which):
    stored = golden("metrics_fastmri")
    given = float(stored[f"in/{kind}/maxval_given"])
    maximum = given if which == "given" else float(stored[f"in/{kind}/gt"].max())
    item = volume_batch(stored, kind, maximum)
    (row,), _ = evaluate_tasks(
        {"m": lambda batch, task: batch["zero_filled"]},
        lambda task: [item],
        TASKS[:1],
        protocol="fastmri_official",
    )
    assert row["count"] == 1
    assert row["psnr"] == pytest.approx(float(stored[f"f64/{kind}/psnr_maxval_{which}"]), abs=1e-4)
    assert row["ssim"] == pytest.approx(
        float(stored[f"f64/{kind}/ssim_maxval_{which}"][0]), abs=1e-5
    )
    assert row["nmse"] == pytest.approx(float(stored[f"f64/{kind}/nmse"]), rel=1e-5)


def test_fastmri_official_is_the_mean_over_volumes_however_many_slices_they_have(golden):
    stored = golden("metrics_fastmri")
    items = [
        volume_batch(stored, kind, float(stored[f"in/{kind}/gt"].max()))
        for kind in ("structured", "blurred")
    ]
    batch, records = items[1]
    items[1] = {key: value[:2] for key, value in batch.items()}, records[:2]

    def psnr_of(chosen) -> float:
        (row,), _ = evaluate_tasks(
            {"m": lambda batch, task: batch["zero_filled"]},
            lambda task: chosen,
            TASKS[:1],
            protocol="fastmri_official",
        )
        return row["psnr"]

    alone = [psnr_of([item]) for item in items]
    assert psnr_of(items) == pytest.approx(np.mean(alone))


def test_fastmri_official_without_the_volumes_maximum_is_refused(golden):
    batch, records = volume_batch(golden("metrics_fastmri"), "random", 1.0)
    del batch["maximum"]
    with pytest.raises(UserError, match="maximum of each volume"):
        evaluate_tasks(
            {"m": lambda batch, task: batch["zero_filled"]},
            lambda task: [(batch, records)],
            TASKS[:1],
            protocol="fastmri_official",
        )


def test_measured_scales_each_estimate_to_its_reference_by_least_squares():
    rng = np.random.default_rng(0)
    target = rng.uniform(0.1, 1.0, (3, 16, 16, 1)).astype(np.float32)
    estimate = target + 0.1 * rng.standard_normal(target.shape).astype(np.float32)
    gain = np.array([0.2, 1.0, 7.0], np.float32)[:, None, None, None]
    batch = {"target": target, "mask": np.ones((3, 16, 16), np.float32), "estimate": estimate}
    batch["zero_filled"] = estimate
    batch["scaled"] = gain * estimate
    methods = {name: lambda batch, task, name=name: batch[name] for name in ("estimate", "scaled")}
    (first, second), examples = evaluate_tasks(
        methods, lambda task: [batch], TASKS[:1], protocol="measured"
    )
    assert second["psnr"] == pytest.approx(first["psnr"], abs=1e-3)
    assert second["ssim"] == pytest.approx(first["ssim"], abs=1e-5)
    for number, example in enumerate(examples):
        x, y = target[number].ravel(), estimate[number].ravel()
        fitted = np.linalg.lstsq(y[:, None], x, rcond=None)[0] * y
        expected = 10 * np.log10(x.max() ** 2 / np.mean((x - fitted) ** 2))
        assert example.values["scaled"]["psnr"] == pytest.approx(expected, abs=1e-3)


def test_measured_leaves_a_blank_estimate_finite():
    target = np.ones((1, 16, 16, 1), np.float32)
    batch = {"target": target, "mask": np.ones((1, 16, 16), np.float32), "zero_filled": target}
    (row,), _ = evaluate_tasks(
        {"blank": lambda batch, task: 0.0 * batch["target"]},
        lambda task: [batch],
        TASKS[:1],
        protocol="measured",
    )
    assert row["psnr"] == pytest.approx(0.0, abs=1e-4)
