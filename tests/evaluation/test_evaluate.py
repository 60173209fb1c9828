"""Evaluation counts each example once, on any number of devices, and means what it says."""

import csv
import types

import jax
import numpy as np
import pytest

from mript_jax.errors import UserError
from mript_jax.evaluation.baselines import zero_filled
from mript_jax.evaluation.evaluate import evaluate_tasks
from mript_jax.evaluation.results import make_results, write_results
from mript_jax.physics.tasks import TASKS

TASK = TASKS[1]


def make_batch(count: int, seed: int = 0, weight=None) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    target = rng.uniform(size=(count, 16, 12, 1)).astype(np.float32)
    target /= target.max(axis=(1, 2), keepdims=True)
    noise = rng.normal(0, 0.1, target.shape) * np.arange(1, count + 1).reshape(-1, 1, 1, 1)
    mask = np.zeros((count, 16, 12), np.float32)
    mask[:, :, ::4] = 1.0
    return {
        "target": target,
        "zero_filled": (target + noise).astype(np.float32),
        "mask": mask,
        "weight": np.ones(count, np.float32) if weight is None else np.float32(weight),
    }


def names(count: int, volume="v{}") -> list:
    return [
        types.SimpleNamespace(volume=volume.format(i // 2), slice_index=i % 2) for i in range(count)
    ]


def halfway(batch, task):
    return 0.5 * (batch["zero_filled"] + batch["target"])


METHODS = {"halfway": halfway, "zero_filled": zero_filled}


def test_rows_have_the_keys_of_results_json():
    rows, _ = evaluate_tasks(METHODS, lambda task: [make_batch(3)], TASKS[:2])
    assert [(row["acceleration"], row["method"]) for row in rows] == [
        (2.0, "halfway"),
        (2.0, "zero_filled"),
        (4.0, "halfway"),
        (4.0, "zero_filled"),
    ]
    keys = "pattern acceleration center_fraction true_acceleration method psnr ssim nmse "
    keys += "psnr_std ssim_std nmse_std count"
    for row in rows:
        assert set(keys.split()) <= set(row)
        assert row["true_acceleration"] == pytest.approx(4.0)
        assert row["count"] == 3


def test_means_and_deviations_are_those_of_the_values_by_hand():
    batch = make_batch(4)
    (row,), examples = evaluate_tasks({"m": zero_filled}, lambda task: [batch], [TASK])
    error = ((batch["zero_filled"] - batch["target"]) ** 2).mean(axis=(1, 2, 3))
    by_hand = -10 * np.log10(error)
    assert row["psnr"] == pytest.approx(by_hand.mean(), abs=1e-4)
    assert row["psnr_std"] == pytest.approx(by_hand.std(), abs=1e-4)
    values = [example.values["m"]["psnr"] for example in examples]
    np.testing.assert_allclose(values, by_hand, atol=1e-4)


@pytest.mark.parametrize("devices", (pytest.param(1, marks=pytest.mark.slow), 3, 8))
def test_each_example_counts_once_with_the_same_figures_on_any_number_of_devices(devices):
    whole, padded = make_batch(5, seed=1), make_batch(5, seed=2, weight=[1, 1, 1, 0, 0])

    def evaluate(count: int):
        return evaluate_tasks(
            METHODS,
            lambda task: [(whole, names(5)), (padded, names(5, "w{}"))],
            [TASK],
            devices=jax.devices()[:count],
        )

    rows, examples = evaluate(devices)
    on_one, _ = evaluate(1)
    seen = [(example.volume, example.slice_index) for example in examples]
    assert len(seen) == len(set(seen)) == rows[0]["count"] == 8
    for ours, theirs in zip(rows, on_one, strict=True):  # equal up to the order of summation
        assert ours["method"] == theirs["method"]
        for metric in ("psnr", "ssim", "nmse", "psnr_std", "ssim_std", "nmse_std"):
            assert ours[metric] == pytest.approx(theirs[metric], rel=1e-6)


def test_devices_of_a_cpu_do_not_wait_for_each_other():
    seen = []

    def method(batch, task):
        seen.append(batch["zero_filled"].devices())
        return batch["zero_filled"]

    assert len(jax.devices()) > 1
    evaluate_tasks({"m": method}, lambda task: [make_batch(4)], [TASK], pictures=0)
    assert [len(devices) for devices in seen] == [1]


def test_examples_of_weight_0_and_empty_slices_do_not_count():
    batch = make_batch(4, weight=[1, 0, 1, 1])
    batch["target"][2] = 0.0
    (row,), examples = evaluate_tasks({"m": zero_filled}, lambda task: [batch], [TASK])
    assert row["count"] == len(examples) == 2


def test_figures_do_not_depend_on_how_slices_are_cut_into_batches():
    batch = make_batch(6)
    together, _ = evaluate_tasks(METHODS, lambda task: [batch], [TASK])
    apart = [{key: value[i : i + 2] for key, value in batch.items()} for i in (0, 2, 4)]
    separate, _ = evaluate_tasks(METHODS, lambda task: apart, [TASK])
    assert together == separate


def test_pictures_are_kept_of_the_first_and_of_the_worst_slices():
    batch = make_batch(7)  # the later the noisier
    _, examples = evaluate_tasks(METHODS, lambda task: [(batch, names(7))], [TASK], pictures=1)
    with_pictures = [e.pictures is not None for e in examples]
    assert with_pictures == [True, False, False, True, False, False, True]
    worst = examples[-1].pictures
    assert set(worst) == {"reference", "mask", *METHODS}
    np.testing.assert_allclose(worst["zero_filled"], batch["zero_filled"][-1, ..., 0])


@pytest.mark.parametrize("cut", (7, 2))
def test_picture_of_the_median_slice_of_all_tasks_is_kept(cut):
    batch = make_batch(7)
    parts = [slice(start, start + cut) for start in range(0, 7, cut)]
    made = []

    def batches(task):
        made.append(task)
        for part in parts:
            yield {key: value[part] for key, value in batch.items()}, names(7)[part]

    tasks = TASKS[:3]
    _, examples = evaluate_tasks(METHODS, batches, tasks, pictures=1)
    psnrs = [e.values["halfway"]["psnr"] for e in examples]
    (typical,) = (e for e in examples[1:6] if e.pictures)  # in the first of three equal tasks
    assert typical.values["halfway"]["psnr"] == np.median(psnrs)
    np.testing.assert_allclose(typical.pictures["zero_filled"], batch["zero_filled"][3, ..., 0])
    assert made == [*tasks, tasks[0]]
    _, examples = evaluate_tasks(METHODS, batches, tasks, pictures=0)
    assert not any(e.pictures for e in examples) and len(made) == 7


@pytest.mark.parametrize("over", ["zero_filled", "before"])
def test_pictures_are_kept_of_slices_that_fell_below_what_gains_are_counted_from(over):
    batch = make_batch(6)

    def harmful(batch, task):  # in the second and the third slice, the third most
        factor = np.array([0.8, 1.1, 1.2, 0.8, 0.8, 0.8], np.float32).reshape(-1, 1, 1, 1)
        return batch["target"] + factor * (batch["zero_filled"] - batch["target"])

    def empty(batch, task):  # which nothing is below
        return 0 * batch["zero_filled"]

    methods = {"harmful": harmful, "zero_filled": empty, over: zero_filled}
    _, examples = evaluate_tasks(
        methods,
        lambda task: [(batch, names(6))],
        [TASK],
        pictures=1,
        over=over,
        devices=jax.devices()[:1],
    )
    kept = [e.pictures is not None for e in examples]
    assert kept[:3] == [True, False, True] and kept[5]


def test_a_method_that_gives_nan_is_named():
    def broken(batch, task):
        return batch["zero_filled"] * np.nan

    with pytest.raises(UserError, match=r"broken .* slice 0 of v0"):
        evaluate_tasks({"broken": broken}, lambda task: [(make_batch(2), names(2))], [TASK])


def test_evaluation_without_examples_is_an_error():
    with pytest.raises(UserError, match="cartesian_random x4"):
        evaluate_tasks({"m": zero_filled}, lambda task: [], [TASK])


def test_an_unknown_protocol_is_answered_with_the_nearest_one():
    with pytest.raises(UserError, match="mript_paper"):
        evaluate_tasks({"m": zero_filled}, lambda task: [], [TASK], protocol="mript_papers")


def test_the_values_of_each_example_are_written_and_give_the_mean_again(tmp_path):
    rows, examples = evaluate_tasks(METHODS, lambda task: [(make_batch(4), names(4))], [TASK])
    write_results(tmp_path, make_results("m", "d", "mript_paper", "test", rows), examples)
    lines = list(csv.DictReader((tmp_path / "examples.csv").open()))
    assert len(lines) == 8
    assert {line["volume"] for line in lines} == {"v0", "v1"}
    for row in rows:
        own = [float(line["psnr"]) for line in lines if line["method"] == row["method"]]
        assert np.mean(own) == pytest.approx(row["psnr"])
