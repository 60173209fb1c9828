"""Many files in one go: named outputs, lines for each, and what is broken skipped."""

import io

import h5py
import numpy as np
import pytest

from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.readers.recognize import find_scans
from mript_jax.data.records import BlankRecord, BrokenRecord, Record
from mript_jax.errors import UserError
from mript_jax.inference.estimate import Estimate
from mript_jax.inference.files import Work, reconstruct_files
from mript_jax.inference.methods import UNTRAINED
from mript_jax.inference.pipeline import reconstruct_volume
from mript_jax.physics.tasks import make_task
from mript_jax.progress import EVERY, Progress

TASK = make_task("cartesian_random", 2.0)
ZERO_FILLED = {"zero_filled": UNTRAINED["zero_filled"]}


def dark(slices):
    images = np.zeros((len(slices.kspace), *slices.kspace.shape[-2:]), np.float32)
    return Estimate(images, np.ones(len(images)))


def work(output, methods=ZERO_FILLED, **options):
    options = {"formats": ("h5", "npy"), **options}
    return Work(methods, None, TASK, output, **options)


@pytest.fixture
def folder(tmp_path):
    """Two scans of one name, one of a broken file, one with an impossible mask."""
    scans = tmp_path / "scans"
    for number, name in enumerate(("a.h5", "below/a.h5", "cut.h5", "nan.h5")):
        (scans / name).parent.mkdir(parents=True, exist_ok=True)
        write_fastmri_h5(scans / name, 5, number, 2, 16)
    (scans / "cut.h5").write_bytes((scans / "a.h5").read_bytes()[:900])
    with h5py.File(scans / "nan.h5", "r+") as file:
        file["mask"] = np.full(16, np.nan, np.float32)
    return scans


def test_broken_files_are_skipped_with_one_line_each(folder, tmp_path, capsys):
    output = tmp_path / "images"
    outcome = reconstruct_files(find_scans(folder), work(output, formats=("h5", "png")))
    assert (outcome.done, outcome.skipped, outcome.broken) == (2, 2, 0)
    assert "2 volumes in 0:00:0" in outcome.summary() and "2 skipped" in outcome.summary()
    assert sorted(p.name for p in output.iterdir()) == [
        "a.h5",
        "a.png",
        "below_a.h5",
        "below_a.png",
    ]
    said = capsys.readouterr()
    errors = said.err.splitlines()
    assert len(errors) == 2 and all(line.startswith("error: ") for line in errors)
    assert "cut.h5" in errors[0] and "nan.h5" in errors[1] and "mask" in errors[1]
    described, done, *_ = said.out.splitlines()
    assert described == "a.h5: 2 slices, 1 coil, 16 x 16 (k-space 32 x 16), fully sampled"
    assert done.startswith(f"{output / 'a.h5'}: 2 slices, ") and "residual 0.000" in done


@pytest.mark.parametrize("mask", [np.full(16, -1.0), np.full(16, 0.5), np.zeros(16)])
def test_impossible_masks_are_refused_in_one_line(tmp_path, mask, capsys):
    write_fastmri_h5(tmp_path / "a.h5", 5, 0, 1, 16)
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["mask"] = mask.astype(np.float32)
    outcome = reconstruct_files(find_scans(tmp_path / "a.h5"), work(tmp_path / "images"))
    assert (outcome.done, outcome.skipped) == (0, 1)
    (line,) = capsys.readouterr().err.splitlines()
    assert "a.h5" in line and "mask" in line


def test_every_method_is_in_the_outputs(folder, tmp_path):
    output = tmp_path / "images"
    methods = {"dark": dark, **ZERO_FILLED}
    reconstruct_files(find_scans(folder / "a.h5"), work(output, methods, with_uncertainty=True))
    with h5py.File(output / "a.h5") as file:
        assert not np.any(file["reconstruction"]) and file.attrs["method"] == "dark"
        found = file["reconstruction_zero_filled"][()]
        np.testing.assert_allclose(found, file["zero_filled"], rtol=1e-5)
        np.testing.assert_array_equal(file["residuals"], 1)
        assert file["uncertainty"].shape == (2, 16, 16)
        assert "standard deviation" in file["uncertainty"].attrs["about"]
        assert file["noise"].shape == file["noise_residuals"].shape == (2,)
    np.testing.assert_array_equal(np.load(output / "a_zero_filled.npy"), found)


def test_folder_of_one_dicom_series_names_its_results(folder, tmp_path):
    pytest.importorskip("pydicom")
    scans = find_scans(folder / "a.h5")
    reconstruct_files(scans, work(tmp_path / "images", formats=("dicom",)))
    (series,) = find_scans(tmp_path / "images" / "a_dicom")
    reconstruct_files([series], work(tmp_path / "again", formats=("npy",)))
    assert np.load(tmp_path / "again" / "a_dicom.npy").shape == (2, 16, 16)


def test_defect_of_ours_in_one_volume_stops_no_other(folder, tmp_path, capsys):
    def defective(slices):
        raise ZeroDivisionError("oh")

    scans = find_scans(folder / "a.h5")
    outcome = reconstruct_files(scans, work(tmp_path, {"defective": defective}))
    assert outcome.skipped == 1
    assert "ZeroDivisionError: oh (--debug shows where)" in capsys.readouterr().err


class Records(list):
    """Slices of which some raise an error."""

    def __getitem__(self, index):
        found = super().__getitem__(index)
        if isinstance(found, Exception):
            raise found
        return found


def record(number, shape=(8, 8)):
    image = np.random.default_rng(number).random(shape).astype(np.float32)
    return Record(image, "v", number)


def test_slices_that_cannot_be_read_are_left_out_by_name():
    errors = [BrokenRecord("v slice 1", "is cut"), BlankRecord("v slice 3", "is all zero")]
    records = Records([record(0), errors[0], record(2), errors[1]])
    result = reconstruct_volume(ZERO_FILLED, records, TASK)
    assert result.slice_numbers == (0, 2) and list(result.left_out) == errors
    with pytest.raises(UserError, match="is cut"):
        reconstruct_volume(ZERO_FILLED, Records(errors[:1]), TASK)


def test_slices_of_different_size_are_no_volume():
    with pytest.raises(UserError, match=r"\(1, 8, 8\) and of \(1, 8, 6\)"):
        reconstruct_volume(ZERO_FILLED, [record(0), record(1, (8, 6))], TASK)


def test_fully_sampled_slices_stay_so_without_a_task():
    result = reconstruct_volume(ZERO_FILLED, [record(0)], None)
    np.testing.assert_allclose(result.reconstruction, result.reference, atol=1e-6)
    assert result.masks.all() and not result.simulated


def test_remaining_time_follows_from_the_share_that_is_done(monkeypatch):
    now = iter((0.0, EVERY - 1, EVERY + 1, EVERY + 2, 2 * EVERY + 2, 3 * EVERY + 3))
    monkeypatch.setattr("mript_jax.progress.time.monotonic", lambda: next(now))
    stream = io.StringIO()
    progress = Progress(2, stream)
    progress.begin(10)
    for _ in range(3):
        progress.advance(2)
    progress.begin(4)
    progress.advance(2)
    progress.advance(2)
    assert stream.getvalue().splitlines() == [
        "file 1 of 2, slice 4 of 10, 0:02:04 left",
        "file 2 of 2, slice 2 of 4, 0:00:21 left",
    ]
