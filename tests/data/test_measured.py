"""Measured k-space is evaluated at its own size, volume by volume."""

import dataclasses

import numpy as np
import pytest

from mript_jax.data.measured import measured_batches
from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.readers import open_source
from mript_jax.errors import UserError
from mript_jax.evaluation.evaluate import evaluate_tasks
from mript_jax.evaluation.metrics import ssim
from mript_jax.physics.crop import zero_filled_scan
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.tasks import TASKS

TASK = TASKS[1]


@pytest.fixture(scope="module", params=(1, 4), ids=("singlecoil", "multicoil"))
def source(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans")
    for index in range(2):
        write_fastmri_h5(folder / f"v{index}.h5", 5, index, 3, 48, coils=request.param)
    return open_source("fastmri", str(folder))


def test_batches_hold_every_slice_once_at_its_own_size(source):
    batches = list(measured_batches(source, range(6), TASK, batch_size=2, fields=("kspace",)))
    assert [len(records) for _, records in batches] == [2, 1, 2, 1]
    assert [batch["weight"].sum() for batch, _ in batches] == [2, 1, 2, 1]
    for batch, records in batches:
        assert batch["target"].shape == (2, 48, 48, 1)
        assert batch["mask"].shape == (2, 48, 48)  # readout oversampling is cropped
        assert len({record.volume for record in records}) == 1
        assert (batch["kspace"][:, :, batch["mask"][0] == 0] == 0).all()
        images = zero_filled_scan(batch["kspace"])
        np.testing.assert_allclose(np.abs(images), batch["zero_filled"][..., 0], atol=1e-5)


def test_all_slices_of_a_volume_share_a_mask_and_volumes_do_not(source):
    masks = [batch["mask"][0] for batch, _ in measured_batches(source, range(6), TASK, 1)]
    assert all(np.array_equal(mask, masks[0]) for mask in masks[:3])
    assert not np.array_equal(masks[0], masks[3])


def test_slices_keep_the_masks_of_their_records(source):
    everywhere = [sample_mask("radial", (96, 48), 3.0, 0.0, i) for i in range(3)]

    class Masked:
        groups = source.groups

        def __getitem__(self, index):
            return dataclasses.replace(source[index], mask=everywhere[index])

    batch, _ = next(measured_batches(Masked(), range(3), TASK, 3, fields=("kspace",)))
    np.testing.assert_array_equal(batch["mask"], everywhere)
    assert not batch["kspace"][0][:, everywhere[0] == 0].any()


def test_scores_are_of_volumes_with_their_own_maximum(source):
    (row,), examples = evaluate_tasks(
        {"zero_filled": lambda batch, task: batch["zero_filled"]},
        lambda task: measured_batches(source, range(6), task, 4),
        [TASK],
        protocol="fastmri_official",
    )
    assert row["count"] == 2 and len(examples) == 6
    by_hand = []
    for batch, records in measured_batches(source, range(6), TASK, 3):
        reference = np.stack([record.image for record in records])
        estimate = batch["zero_filled"][..., 0] * batch["scale"][:, None, None]
        maximum = records[0].maximum
        error = np.mean((reference - estimate) ** 2)
        by_hand.append((10 * np.log10(maximum**2 / error), ssim(reference, estimate, maximum)))
    assert row["psnr"] == pytest.approx(np.mean([psnr for psnr, _ in by_hand]), abs=1e-3)
    assert row["ssim"] == pytest.approx(np.mean([s for _, s in by_hand]), abs=1e-4)


def test_fully_sampled_measurements_give_the_reference(source):
    everything = TASK.__class__("cartesian_random", 1.0, 1.0, 0, 0)
    (batch, _) = next(measured_batches(source, range(6), everything, 3))
    np.testing.assert_allclose(batch["zero_filled"], batch["target"], atol=1e-5)


def test_a_volume_without_reference_is_refused_by_name(tmp_path):
    write_fastmri_h5(tmp_path / "test.h5", 5, 0, 2, 48, mask=("cartesian_random", 4.0, 0.08, 0))
    with pytest.raises(UserError, match=r"test\.h5 has no reference"):
        next(measured_batches(open_source("fastmri", str(tmp_path)), range(2), TASK, 2))
