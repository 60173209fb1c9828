"""Examples of scans of several coils, simulated and measured."""

import dataclasses

import numpy as np
import pytest

from mript_jax.config import base_config
from mript_jax.data.phantom.slices import make_slice
from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.pipeline import build_pipeline, evaluation_maker, training_makers
from mript_jax.data.readers import open_source
from mript_jax.data.records import BrokenRecord, Record
from mript_jax.errors import UserError
from mript_jax.physics.coils import combine, root_sum_of_squares
from mript_jax.physics.crop import center_crop
from mript_jax.physics.fourier import ifft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.tasks import make_task

SIZE = 48
FIELDS = ("kspace", "sensitivities", "noise_level", "full_kspace")
TASK = make_task("gaussian_2d", 2.0)


LINES = 60  # of the measured scan, whose image is SIZE x SIZE


def data_config(**changes):
    config = base_config().data
    config.image_size, config.undersampling = SIZE, "simulated"
    config.update(changes)
    return config


def scan_config(**changes):
    """Of training on measured k-space."""
    return data_config(
        **{"undersampling": "kspace", "coils": 6, "image_size": (SIZE, LINES), **changes}
    )


def record(index: int = 0) -> Record:
    return open_source("phantom", count=4, size=SIZE, noise=False)[index]


def make(config, task=TASK, of=None, seed=5, fields=FIELDS):
    (maker,) = training_makers(config, fields)
    return maker(of or record(), task, seed)


@pytest.mark.parametrize("coils", [1, 4])
def test_simulated_example_fits_together(coils):
    example = make(data_config(simulation={"coils": (coils,)}))
    mask, target = example["mask"], example["target"][..., 0]
    assert example["kspace"].shape == example["sensitivities"].shape == (coils, SIZE, SIZE)
    assert example["kspace"].dtype == example["full_kspace"].dtype == np.complex64
    assert not example["kspace"][:, mask == 0].any()
    zero_filled = root_sum_of_squares(ifft2c(example["kspace"]), axis=0)
    np.testing.assert_allclose(example["zero_filled"][..., 0], zero_filled, atol=1e-5)
    assert example["zero_filled"].max() == pytest.approx(1.0)
    images = ifft2c(example["full_kspace"])
    np.testing.assert_allclose(root_sum_of_squares(images, axis=0), target, atol=1e-4)
    combined = combine(images, example["sensitivities"])
    np.testing.assert_allclose(np.abs(combined), target, atol=1e-4)
    noise = (example["kspace"] - example["full_kspace"])[:, mask > 0]
    expected = np.full(2, example["noise_level"])
    np.testing.assert_allclose([noise.real.std(), noise.imag.std()], expected, rtol=0.15)


def test_example_is_a_function_of_record_task_and_seed():
    config = data_config(simulation={"coils": (2,)})
    first, again, other = (make(config, seed=seed) for seed in (3, 3, 4))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert np.abs(first["full_kspace"] - other["full_kspace"]).max() > 0.1


def test_slices_of_a_volume_have_noise_of_their_own():
    (maker,) = training_makers(data_config(simulation={"noise_free": 0.0}), FIELDS)
    image = record().image
    noises = []
    for number in (0, 1):
        example = maker(Record(image, "v", number), TASK, 5)
        noises.append((example["kspace"] - example["full_kspace"]) * example["scale"])
    assert np.abs(noises[0] - noises[1]).max() > 0


def test_evaluation_has_the_noise_of_the_protocol_and_leaves_the_image_as_it_is():
    config = data_config(simulation={"coils": (3, 8), "noise": (0.02, 0.02)})
    example = evaluation_maker(config, FIELDS)(record(), TASK, 5)
    assert example["kspace"].shape[0] == 3
    assert example["noise_level"] * example["scale"] == pytest.approx(0.005)
    image = record().image
    restored = example["target"][..., 0] * example["scale"] * image.max()
    np.testing.assert_allclose(restored, image, atol=1e-4)
    config.noise = 0.02
    example = evaluation_maker(config, FIELDS)(record(), TASK, 5)
    assert example["noise_level"] * example["scale"] == pytest.approx(0.02)


@pytest.fixture(scope="module")
def scan(tmp_path_factory) -> Record:
    path = tmp_path_factory.mktemp("scans") / "v.h5"
    write_fastmri_h5(path, 5, 0, slices=1, size=SIZE, coils=6, columns=LINES)
    return open_source("fastmri", str(path))[0]


@pytest.mark.parametrize("size", [(SIZE, LINES), (32, LINES), (64, LINES), (SIZE, 71)])
def test_readout_of_measured_kspace_is_cropped_and_its_lines_stay(scan, size):
    example = make(scan_config(image_size=size), of=scan)
    target = example["target"][..., 0] * example["scale"]
    images = ifft2c(example["full_kspace"]) * example["scale"]
    np.testing.assert_allclose(root_sum_of_squares(images, axis=0), target, atol=1e-5)
    assert not example["kspace"][:, example["mask"] == 0].any()
    if size[1] == LINES:
        everything = root_sum_of_squares(ifft2c(scan.kspace), axis=0)  # [96, 60]
        expected = center_crop(everything, size)
        np.testing.assert_allclose(target, expected / expected.max(), atol=1e-5)
    else:
        lines = slice(5, 5 + LINES)  # zero frequency, line 30, becomes line 35
        own = make(scan_config(), of=scan)["full_kspace"]
        padded = np.zeros_like(example["full_kspace"])
        padded[..., lines] = own
        ratio = np.linalg.norm(example["full_kspace"]) / np.linalg.norm(own)
        np.testing.assert_allclose(example["full_kspace"], ratio * padded, atol=1e-4)
        np.testing.assert_array_equal(np.any(example["mask"], axis=0)[:5], False)


@pytest.mark.parametrize("coils", [6, 3])
def test_training_batch_holds_the_samples_of_the_files_at_the_lines_of_the_masks(tmp_path, coils):
    for number, columns in enumerate((60, 57, 64)):
        write_fastmri_h5(tmp_path / f"{number}.h5", 5, number, 1, SIZE, coils=6, columns=columns)
    config = scan_config(coils=coils, image_size=(SIZE, 64), split_fractions=(1.0, 0.0, 0.0))
    config.source, config.path = "fastmri", str(tmp_path)
    config.patterns = ("cartesian_random", "cartesian_equispaced")
    pipeline = build_pipeline(config, "train", 2, 6, fields=FIELDS)
    batch, names = next(pipeline), pipeline.last_names()
    records = {f"{r.volume}, slice {r.slice_index}": r for r in open_source("fastmri", config.path)}
    assert set(names) == set(records)
    for i, record in enumerate(records[name] for name in names):
        lines, columns = np.any(batch["mask"][i], axis=0), record.kspace.shape[-1]
        first = 32 - columns // 2
        assert not lines[:first].any() and not lines[first + columns :].any()
        assert 1.5 < columns / lines.sum() < 11
        own = readout_cropped(record.kspace)[..., lines[first : first + columns]]  # [6, 48, n]
        held = batch["kspace"][i][..., lines] * batch["scale"][i]  # [coils, 48, n]
        own, held = own.reshape(6, -1).T, held.reshape(coils, -1).T
        mixing, *_ = np.linalg.lstsq(own, held, rcond=None)  # of coils, the same at all samples
        np.testing.assert_allclose(own @ mixing, held, atol=1e-5 * np.abs(held).max())
        assert np.linalg.matrix_rank(mixing, 1e-3) == coils


def readout_cropped(kspace):
    """k-space [C, 2 H, W] of images cropped to H rows, by transforms of the readout alone."""
    rows = np.fft.fftshift(np.fft.ifft(np.fft.ifftshift(kspace, axes=1), axis=1), axes=1)
    rows = rows[:, SIZE // 2 : -SIZE // 2]
    return np.fft.fftshift(np.fft.fft(np.fft.ifftshift(rows, axes=1), axis=1), axes=1)


def test_rows_can_be_the_lines_of_measured_kspace(scan):
    turned = dataclasses.replace(scan, kspace=scan.kspace.swapaxes(1, 2), image=scan.image.T)
    changes = {"patterns": ("cartesian_random",), "phase_encodes": "rows"}
    task = make_task("cartesian_random", 3.0)
    example = make(scan_config(image_size=(64, SIZE), **changes), task, turned)
    other = make(scan_config(image_size=(SIZE, 64)), task, scan)
    for name in ("mask", "target", "kspace"):
        axes = (0, 1) if name != "kspace" else (1, 2)
        np.testing.assert_allclose(example[name].swapaxes(*axes), other[name], atol=1e-5)


def test_scan_of_more_lines_than_there_is_room_for_is_refused_by_name(scan):
    told = (
        r"v.h5 has 60 phase-encoding lines, more than the 48 of config.data.image_size=\(64, 48\)"
    )
    with pytest.raises(UserError, match=told):
        make(scan_config(image_size=(64, SIZE)), of=scan)


@pytest.mark.parametrize("coils", [3, 8])
def test_measured_coils_become_a_fixed_number(scan, coils):
    example = make(scan_config(coils=coils), of=scan)
    assert example["kspace"].shape == (coils, SIZE, LINES)
    image = root_sum_of_squares(ifft2c(example["full_kspace"]), axis=0)
    lost = np.linalg.norm(image - example["target"][..., 0]) / np.linalg.norm(image)
    assert lost < (0.1 if coils < 6 else 1e-5)
    squares = root_sum_of_squares(example["sensitivities"], axis=0)
    inside = example["target"][..., 0] > 0.2
    np.testing.assert_allclose(squares[inside], 1.0, atol=1e-3)


def test_target_is_the_root_sum_of_squares_or_the_coils_combined_by_their_maps(scan):
    config = scan_config(target="sense")
    example = make(config, of=scan)
    images, target = ifft2c(example["full_kspace"]), example["target"][..., 0]
    np.testing.assert_allclose(
        target, np.abs(combine(images, example["sensitivities"])), atol=1e-5 / example["scale"]
    )
    share = target / root_sum_of_squares(images, axis=0)
    assert np.median(share[target > 0.2 * target.max()]) > 0.99
    assert np.median(share[target < 0.02 * target.max()]) < 0.8  # air: noise, not along the maps


def test_simulated_scan_has_the_same_image_for_both_targets():
    examples = [
        make(data_config(simulation={"coils": (4,)}, target=name)) for name in ("rss", "sense")
    ]
    np.testing.assert_array_equal(*(example["target"] for example in examples))
    combined = combine(ifft2c(examples[1]["full_kspace"]), examples[1]["sensitivities"])
    np.testing.assert_allclose(np.abs(combined), examples[1]["target"][..., 0], atol=1e-4)


def test_evaluation_compares_with_the_root_sum_of_squares_whatever_was_trained_for(scan):
    makers = [evaluation_maker(scan_config(target=name), FIELDS) for name in ("rss", "sense")]
    np.testing.assert_array_equal(*(maker(scan, TASK, 5)["target"] for maker in makers))


def test_records_without_kspace_are_scans_to_simulate(scan):
    config = scan_config(coils=5)
    assert make(config)["kspace"].shape == make(config, of=scan)["kspace"].shape


def test_models_that_read_no_kspace_keep_their_resized_images(scan):
    example = make(data_config(undersampling="kspace", image_size=24), of=scan, fields=())
    whole = scan.image / scan.image.max()
    assert np.mean(example["target"] > 0.05) == pytest.approx(np.mean(whole > 0.05), abs=0.1)


def test_noise_of_a_measured_scan_is_told(scan):
    example = make(scan_config(), of=scan)
    made = make_slice(5, 0, (SIZE, SIZE), z=-0.25)
    level = made.noise / np.max(root_sum_of_squares(ifft2c(scan.kspace), axis=0))
    assert example["noise_level"] * example["scale"] == pytest.approx(level, rel=0.15)


@pytest.mark.parametrize("fields", [(), FIELDS], ids=["image", "kspace"])
@pytest.mark.parametrize("undersampling", ["kspace", "complex"])
def test_undersampled_scans_are_no_kspace_to_learn_from(scan, undersampling, fields):
    mask = np.ones(scan.kspace.shape[-2:], np.float32)
    assert make(scan_config(undersampling=undersampling), of=scan, fields=fields)
    full = dataclasses.replace(scan, mask=mask)
    assert make(scan_config(undersampling=undersampling), of=full, fields=fields)
    mask[:, :8] = 0  # partial Fourier
    with pytest.raises(BrokenRecord, match="is undersampled"):
        part = dataclasses.replace(scan, mask=mask)
        make(scan_config(undersampling=undersampling), of=part, fields=fields)


def undersampled(scan) -> tuple[Record, np.ndarray]:
    mask = sample_mask("cartesian_random", scan.kspace.shape[-2:], 3.0, 0.1, 1)
    return dataclasses.replace(scan, image=None, kspace=scan.kspace * mask, mask=mask), mask


def test_split_scan_has_all_samples_for_the_loss_and_a_part_for_the_model(scan):
    record, mask = undersampled(scan)
    config = data_config(undersampling="split", coils=6, image_size=mask.shape)
    example = make(config, of=record)
    kept, known = example["mask"] > 0, np.any(example["full_kspace"] != 0, axis=0)
    np.testing.assert_array_equal(known, mask > 0)
    assert kept.sum() < known.sum() and not (kept & ~known).any()
    np.testing.assert_array_equal(example["kspace"], example["full_kspace"] * kept)
    other = make(config, of=record, seed=6)
    assert (other["mask"] != example["mask"]).any()
    np.testing.assert_array_equal(np.any(other["full_kspace"] != 0, axis=0), known)


def test_fully_sampled_scan_shows_the_same_samples_in_every_split(scan):
    config = data_config(undersampling="split", coils=6, image_size=scan.kspace.shape[-2:])
    known = [np.any(make(config, of=scan, seed=s)["full_kspace"] != 0, axis=0) for s in (1, 2)]
    np.testing.assert_array_equal(*known)
    assert 2 < known[0].size / known[0].sum() < 6


def test_split_scan_keeps_all_its_lines(scan):
    record, _ = undersampled(scan)
    config = data_config(undersampling="split", coils=6, image_size=(48, 48))
    with pytest.raises(UserError, match=r"48 x 60 samples without .*image_size=\(48, 48\)"):
        make(config, of=record)
