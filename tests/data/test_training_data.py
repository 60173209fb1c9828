"""Training data: measured k-space, several datasets, photographs."""

import itertools

import numpy as np
import pytest
from PIL import Image

from mript_jax.config import base_config, check_config
from mript_jax.data.phantom.source import PhantomSource
from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.pipeline import build_pipeline, example_maker
from mript_jax.data.readers.fastmri import FastMRISource
from mript_jax.errors import UserError
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.crop import center_crop
from mript_jax.physics.fourier import ifft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.tasks import TASKS, make_task

SIZE = 32


def data_config(**changes):
    config = base_config().data
    config.image_size, config.split_fractions = SIZE, (1.0, 0.0, 0.0)
    config.normalize_by = "target"
    config.options.phantom.update({"count": 24, "size": SIZE})
    config.update(changes)
    return config


def take(count, processes=1, start=0, **changes):
    parts = []
    for index in range(processes):
        pipeline = build_pipeline(data_config(**changes), "train", 3, 8, index, processes)
        pipeline.set_state({"next_example": 8 * start})
        parts.append(list(itertools.islice(pipeline, count)))
    return [
        np.concatenate([b["target"] for b in together]) for together in zip(*parts, strict=True)
    ]


@pytest.fixture
def pictures(tmp_path):
    """Gray levels that no phantom has: each picture is a ramp."""
    for i in range(6):
        ramp = np.add.outer(np.arange(48), 2 * np.arange(40)) + i
        Image.fromarray(ramp.astype(np.uint8)).save(tmp_path / f"{i}.png")
    return str(tmp_path)


@pytest.mark.parametrize("coils", [1, 4])
def test_measured_kspace_is_what_is_undersampled(tmp_path, coils):
    write_fastmri_h5(tmp_path / "a.h5", 0, 0, slices=2, size=SIZE, coils=coils)
    record = FastMRISource(str(tmp_path))[1]
    task = make_task("cartesian_random", 4.0)
    true = example_maker(data_config(undersampling="kspace"))(record, task, 7)
    simulated = example_maker(data_config())(record, task, 7)
    numbers = (task.acceleration, task.center_fraction, 7)
    mask = sample_mask(task.pattern, record.kspace.shape[-2:], *numbers)
    images = center_crop(ifft2c(record.kspace * mask), (SIZE, SIZE))
    expected = root_sum_of_squares(images, axis=0) / record.image.max()
    np.testing.assert_allclose(true["zero_filled"][..., 0], expected, atol=1e-5)
    np.testing.assert_array_equal(true["mask"], mask[:SIZE])  # whole columns
    np.testing.assert_array_equal(true["target"], simulated["target"])
    assert np.abs(true["zero_filled"] - simulated["zero_filled"]).max() > 0.01


@pytest.mark.parametrize("coils", [1, 4])
def test_the_image_with_its_measured_phase_is_undersampled(tmp_path, coils):
    size = 64  # of which the center, from which the sensitivities are, is five lines wide
    write_fastmri_h5(tmp_path / "a.h5", 0, 0, slices=2, size=size, coils=coils)
    record = FastMRISource(str(tmp_path))[1]
    config = data_config(undersampling="complex", image_size=size)
    maker = example_maker(config, ("kspace", "full_kspace"))
    example = maker(record, make_task("cartesian_random", 4.0), 7)
    kspace, mask = example["full_kspace"][0], example["mask"]
    np.testing.assert_array_equal(example["kspace"][0], kspace * mask)
    target, zero_filled = example["target"][..., 0], example["zero_filled"][..., 0]
    np.testing.assert_allclose(np.abs(ifft2c(kspace)), target, atol=1e-5)
    np.testing.assert_allclose(np.abs(ifft2c(kspace * mask)), zero_filled, atol=1e-5)
    # The same image but for the noise, which coils combined by sensitivities have less of ...
    image = record.image / record.image.max()
    np.testing.assert_allclose(target, image, atol=1e-5 if coils == 1 else 0.1)
    mirrored = np.roll(kspace[::-1, ::-1].conj(), 1, axis=(0, 1))
    unlike = np.linalg.norm(kspace - mirrored) / np.linalg.norm(kspace)
    assert unlike > (0.1 if coils == 1 else 0.005)  # ... and not the k-space of a real image


def test_undersampling_is_simulated_without_kspace():
    batches = [
        next(build_pipeline(data_config(undersampling=of), "train", 0, 4))
        for of in ("image", "complex", "kspace")
    ]
    for batch in batches[1:]:
        np.testing.assert_array_equal(batch["zero_filled"], batches[0]["zero_filled"])


def test_an_unknown_way_of_undersampling_is_answered_with_those_that_exist():
    config = base_config()
    config.data.undersampling = "scanner"
    with pytest.raises(UserError, match="'image', 'complex', 'kspace', 'simulated' or 'split'"):
        check_config(config)


def test_example_without_corruption_is_the_same_by_image_and_by_kspace():
    record = PhantomSource(count=4, size=SIZE)[2]
    for task in TASKS[::3]:
        quick, full = (
            example_maker(data_config(), fields)(record, task, 5) for fields in ((), ("kspace",))
        )
        np.testing.assert_allclose(quick["zero_filled"], full["zero_filled"], atol=1e-6)


@pytest.mark.parametrize("processes", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_data_sets_are_mixed_by_weight_and_resumed_exactly(pictures, processes):
    mixture = (("images", pictures, 3.0),)
    targets = take(6, processes, mixture=mixture)
    own = {image.tobytes() for batch in take(6) for image in batch}
    share = np.mean([image.tobytes() in own for batch in targets for image in batch])
    assert share == pytest.approx(1 / 4, abs=0.03)
    np.testing.assert_array_equal(take(2, start=4, mixture=mixture), targets[4:])


def test_photographs_are_cropped_anew_each_time(pictures):
    changes = {"source": "images", "path": pictures}
    plain, crops = take(6, **changes), take(6, random_crops=True, **changes)
    assert len({image.tobytes() for batch in plain for image in batch}) == 6
    assert len({image.tobytes() for batch in crops for image in batch}) == 48
    np.testing.assert_array_equal(take(6, 2, random_crops=True, **changes), crops)
