import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mript_jax.batch import OPTIONAL_FIELDS, empty_example, stack
from mript_jax.config import base_config
from mript_jax.data import pipeline
from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.pipeline import build_pipeline, evaluation_batches, open_split
from mript_jax.errors import UserError
from mript_jax.physics.fourier import ifft2c
from mript_jax.physics.tasks import TASKS


def data_config(**changes):
    config = base_config().data
    config.image_size = 32
    config.options.phantom.update({"count": 24, "size": 32})
    config.update_from_flattened_dict(changes)
    return config


def batches(count, start=0, workers=0, processes=1, fields=(), **changes):
    """The global batches as `processes` processes see them together."""
    parts = []
    for index in range(processes):
        config = data_config(workers=workers, **changes)
        pipeline = build_pipeline(config, "train", 3, 8, index, processes, fields=fields)
        pipeline.set_state({"next_example": 8 * start})
        parts.append(list(itertools.islice(pipeline, count)))
    return [
        {key: np.concatenate([part[key] for part in together]) for key in together[0]}
        for together in zip(*parts, strict=True)
    ]


def assert_same(a, b):
    assert len(a) == len(b)
    for left, right in zip(a, b, strict=True):
        for key in left:
            np.testing.assert_array_equal(left[key], right[key])


@pytest.fixture(scope="module")
def reference():
    return batches(6)


def test_the_stream_is_the_same_every_time(reference):
    assert_same(reference, batches(6))


@pytest.mark.parametrize("processes", [2, 4, 8])
def test_processes_share_each_batch_between_them(reference, processes):
    assert_same(reference, batches(6, processes=processes))


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_resuming_gives_exactly_the_samples_that_were_left(reference, processes):
    assert_same(reference[2:], batches(4, start=2, processes=processes))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 4])
def test_worker_processes_change_nothing(reference, workers):
    assert_same(reference, batches(6, workers=workers))
    assert_same(reference[2:], batches(4, start=2, workers=workers))


@pytest.mark.parametrize("processes", [1, 2])
def test_position_of_another_batch_size_is_that_of_the_same_example(reference, processes):
    config = data_config()
    pipeline = build_pipeline(config, "train", 3, 6)
    next(pipeline), next(pipeline)
    parts = [build_pipeline(config, "train", 3, 8, i, processes) for i in range(processes)]
    for part in parts:
        part.set_state(pipeline.get_state())
    rest = [np.concatenate([next(part)["target"] for part in parts]) for _ in range(3)]
    whole = np.concatenate([batch["target"] for batch in reference])
    np.testing.assert_array_equal(np.concatenate(rest), whole[12 : 12 + 24])


def test_the_state_counts_what_was_taken():
    pipeline = build_pipeline(data_config(), "train", 3, 8)
    next(pipeline), next(pipeline)
    assert pipeline.get_state() == {"next_example": 16}


def test_an_epoch_holds_every_slice_once(reference):
    _, indices = open_split(data_config(), "train")
    count = len(indices)
    stream = np.concatenate([batch["target"] for batch in reference])
    seen = {image.tobytes() for image in stream[:count]}
    assert len(seen) == count


def test_masks_and_tasks_are_new_in_every_epoch(reference):
    stream = [m.tobytes() for batch in reference for m in batch["mask"]]
    assert len(set(stream)) > len(stream) // 2


def test_train_and_test_share_no_volume():
    config = data_config()
    volumes = {}
    for split in ("train", "validation", "test"):
        source, indices = open_split(config, split)
        volumes[split] = {source.groups[i] for i in indices}
    assert not volumes["train"] & volumes["test"]
    assert sum(map(len, volumes.values())) == 24


def test_few_shot_subsets_are_nested():
    small, large = (set(open_split(data_config(), "train", n)[1].tolist()) for n in (4, 9))
    assert len(small) == 4 and small < large


def test_evaluation_counts_each_slice_once_and_repeats_its_masks():
    config = data_config(split_fractions=(0.0, 0.0, 1.0))
    first, second = (list(evaluation_batches(config, "test", TASKS[3], 7)) for _ in range(2))
    assert sum(float(batch["weight"].sum()) for batch, _ in first) == 24
    assert_same([batch for batch, _ in first], [batch for batch, _ in second])


@pytest.mark.parametrize(
    "fields", [(), ("full_kspace",), ("noise_level", "kspace"), OPTIONAL_FIELDS]
)
def test_batches_have_exactly_the_fields_asked_for(reference, fields):
    (batch,) = batches(1, fields=fields)
    assert set(batch) == {*reference[0], *fields}
    shapes = stack([empty_example((32, 32), fields)] * 8)
    assert {name: (value.shape, value.dtype) for name, value in batch.items()} == {
        name: (value.shape, value.dtype) for name, value in shapes.items()
    }
    for name, value in reference[0].items():
        np.testing.assert_allclose(batch[name], value, atol=1e-6)


def test_an_unknown_field_is_answered_with_the_nearest_one():
    with pytest.raises(UserError, match="did you mean 'kspace'"):
        build_pipeline(data_config(), "train", 0, 8, fields=("kspaces",))


def test_kspace_is_that_of_the_zero_filled_image_and_full_kspace_that_of_the_target():
    (batch,) = batches(1, fields=("kspace", "full_kspace"))
    assert (batch["kspace"][:, 0][batch["mask"] == 0] == 0).all()
    for kspace, image in (("kspace", "zero_filled"), ("full_kspace", "target")):
        found = np.abs(ifft2c(batch[kspace][:, 0]))
        np.testing.assert_allclose(found, batch[image][..., 0], atol=1e-5)


def test_the_noise_level_is_in_the_units_of_kspace():
    fields = ("kspace", "full_kspace", "noise_level")
    clean, noisy = (batches(1, fields=fields, noise=noise)[0] for noise in (0.0, 0.05))
    np.testing.assert_array_equal(clean["noise_level"], 0)
    for i in range(8):
        measured = noisy["mask"][i] > 0
        unit = clean["scale"][i] / noisy["scale"][i]
        noise = (noisy["kspace"][i] - unit * clean["kspace"][i])[0, measured]
        assert noise.real.std() == pytest.approx(noisy["noise_level"][i], rel=0.2)


def test_an_empty_split_is_refused():
    with pytest.raises(UserError, match="empty"):
        build_pipeline(data_config(split_fractions=(0.0, 0.5, 0.5)), "train", 0, 8)


def pictures(folder, broken=(), blank=()):
    """A folder of pictures, some of which cannot be used."""
    rng = np.random.default_rng(0)
    for i in range(20):
        pixels = rng.integers(0, 256, (32, 32), np.uint8) * (i not in blank)
        Image.fromarray(pixels).save(folder / f"{i:02d}.png")
    for i in broken:
        (folder / f"{i:02d}.png").write_bytes(b"no picture")
    everything = {"split_fractions": (1.0, 0.0, 0.0)}
    return data_config(source="images", path=str(folder), **everything)


@pytest.mark.parametrize("index", [0, 1])
def test_broken_files_are_left_out_and_told_once(tmp_path, index):
    config = pictures(tmp_path, broken=(3, 11), blank=(5,))
    pipeline = build_pipeline(config, "train", 0, 10, index, 2)
    weights = np.concatenate([next(pipeline)["weight"] for _ in range(8)])  # two epochs
    assert set(weights.tolist()) == {0.0, 1.0}
    names = {Path(path).name for path in pipeline.broken}
    assert names <= {"03.png", "11.png"}
    other = build_pipeline(config, "train", 0, 10, 1 - index, 2)
    others = np.concatenate([next(other)["weight"] for _ in range(8)])
    assert np.sum(weights == 0) + np.sum(others == 0) == 4 * 3
    both = names | {Path(path).name for path in other.broken}
    assert both == {"03.png", "11.png"}


def test_more_broken_files_than_allowed_stop_the_run_with_the_list(tmp_path):
    config = pictures(tmp_path, broken=(3, 11, 12))
    config.max_broken = 2
    pipeline = build_pipeline(config, "train", 0, 10)
    with pytest.raises(UserError, match=r"max_broken=2: .*03\.png.*; .*11\.png.*; .*12\.png"):
        for _ in range(4):
            next(pipeline)


def test_slices_without_a_reference_are_not_trained_on(tmp_path):
    write_fastmri_h5(
        tmp_path / "test.h5", 0, 0, slices=2, size=32, mask=("cartesian_random", 4.0, 0.08, 1)
    )
    config = data_config(
        source="fastmri", path=str(tmp_path), split_fractions=(1.0, 0.0, 0.0), max_broken=0
    )
    with pytest.raises(UserError, match="no reference image"):
        next(build_pipeline(config, "train", 0, 2))


@pytest.mark.parametrize(
    ("undersampling", "reads"), [("image", False), ("simulated", False), ("kspace", True)]
)
def test_measured_kspace_is_read_only_where_it_is_undersampled(monkeypatch, undersampling, reads):
    config = base_config().data.unlock()
    config.update({"source": "fastmri", "path": "knees", "undersampling": undersampling})
    seen = {}

    def stop(source, path, **options):
        seen.update(options)
        raise UserError("enough")

    monkeypatch.setattr(pipeline, "open_source", stop)
    with pytest.raises(UserError, match="enough"):
        pipeline.open_split(config, "train")
    assert seen["kspace"] is reads


def test_splits_without_a_subject_are_named_before_the_first_batch(tmp_path, caplog):
    for index in range(2):
        write_fastmri_h5(tmp_path / f"{index}.h5", 5, index, 2, 32)
    config = data_config(source="fastmri", path=str(tmp_path), split_fractions=(0.98, 0.01, 0.01))
    build_pipeline(config, "train", 3, 8)
    assert "no data in validation and test" in caplog.text
    assert "train 2 subjects, 4 slices" in caplog.text
    caplog.clear()
    build_pipeline(data_config(), "train", 3, 8)
    assert not caplog.text
