"""Fine-tuning on one's own scans: the split, what is refused before it, and what comes of it."""

import json

import h5py
import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from ml_collections import ConfigDict

from mript_jax.checkpoint import load_params, save_params
from mript_jax.config import base_config, check_config, load_config_file
from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.pipeline import build_pipeline
from mript_jax.errors import UserError
from mript_jax.evaluation.results import read_results
from mript_jax.experiments import own_scans
from mript_jax.inference.trust import unlike_sampling
from mript_jax.models import build_model
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.tasks import make_task

SIZE = 32
TASKS = (make_task("cartesian_random", 3.0),)


def write_scans(folder, count, accelerations=(), **options):
    """Scans that are undersampled by these accelerations in turn; fully sampled without any."""
    folder.mkdir()
    for i in range(count):
        path = folder / f"scan_{i}.h5"
        write_fastmri_h5(path, 3, i, **{"slices": 2, "size": SIZE, **options})
        if accelerations:
            acceleration = accelerations[i % len(accelerations)]
            with h5py.File(path, "r+") as file:
                shape = file["kspace"].shape[-2:]
                mask = sample_mask("cartesian_random", shape, acceleration, 0.1, i)
                file["kspace"][:] *= mask
                file["mask"] = mask[0]
                del file["reconstruction_esc"]
    return str(folder)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("scans")
    return {
        "full": write_scans(root / "full", 5),
        "alone": write_scans(root / "alone", 1),
        "undersampled": write_scans(root / "undersampled", 5, (3.0,)),
        "several": write_scans(root / "several", 4, (6.0, 2.0), size=128),
        "small": write_scans(root / "small", 2, size=16),
    }


def look(folders, name):
    return own_scans.look_through("fastmri", folders[name])


def test_every_subject_is_in_one_split_and_always_in_the_same():
    names = [f"subject {i}" for i in range(20)]
    splits = own_scans.split_subjects(names)
    assert splits == own_scans.split_subjects(names[::-1]) and set(splits) == set(names)
    counts = {split: list(splits.values()).count(split) for split in set(splits.values())}
    assert counts == {"train": 14, "validation": 2, "test": 4}


@pytest.mark.parametrize("count", [2, 3, 5, 7])
def test_few_subjects_leave_some_to_train_and_to_measure_on(count):
    splits = list(own_scans.split_subjects([str(i) for i in range(count)]).values())
    assert splits.count("test") == 1 and splits.count("train") >= 1
    assert splits.count("validation") == (count >= 5)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("alone", {}, "alone holds one subject; fine-tuning needs 2 or more"),
        ("undersampled", {}, "5 of 5 scans are undersampled or have no reference"),
        ("small", {}, "small holds slices of 16 pixels; 32 are needed"),
    ],
)
def test_scans_that_do_not_suffice_are_refused_in_a_line(folders, name, options, told):
    with pytest.raises(UserError) as error:
        own_scans.plan(look(folders, name), "small", TASKS, **options)
    assert told in str(error.value) and "\n" not in str(error.value)


def test_models_with_parts_for_each_task_are_refused(folders, tmp_path):
    save_params(tmp_path, {"w": np.zeros(1)}, load_config_file("mript_tiny"))
    with pytest.raises(UserError, match="'mript', which has parts for each"):
        own_scans.plan(look(folders, "full"), str(tmp_path), TASKS)


def test_plan_of_fully_sampled_scans_undersamples_their_kspace(folders):
    config = own_scans.plan(look(folders, "full"), "small", TASKS, adapters=True)
    check_config(config)
    assert (config.data.undersampling, config.data.coils) == ("kspace", 1)
    assert config.data.image_size == (SIZE, SIZE)
    assert config.data.patterns == config.evaluation.patterns == ("cartesian_random",)
    assert config.data.accelerations == config.evaluation.accelerations == (3.0,)
    assert config.init_from == "small" and config.optimizer.lora_rank == own_scans.ADAPTER_RANK


def test_plan_has_room_for_all_lines_of_the_widest_scan(tmp_path):
    for index, columns in enumerate((SIZE, 42, 40)):
        write_fastmri_h5(tmp_path / f"{index}.h5", 3, index, 2, SIZE, columns=columns)
    config = own_scans.plan(own_scans.look_through("fastmri", str(tmp_path)), "small", TASKS)
    assert config.data.image_size == (SIZE, 42)


def test_plan_without_references_keeps_the_lines_of_the_scans(folders):
    scans = look(folders, "undersampled")
    config = own_scans.plan(scans, "small", TASKS, self_supervised=True)
    check_config(config)
    assert (config.data.undersampling, config.loss) == ("split", "self_supervised")
    assert config.data.image_size[1] == scans.records[0].kspace.shape[-1]


def test_training_reads_the_kspace_of_scans_without_references(folders):
    config = own_scans.plan(look(folders, "undersampled"), "small", TASKS, self_supervised=True)
    fields = ("kspace", "full_kspace")
    batch = next(build_pipeline(config.data, "train", 0, 2, fields=fields))
    assert batch["weight"].all()
    given = np.any(batch["kspace"] != 0, axis=1)
    np.testing.assert_array_equal(given, batch["mask"] > 0)
    assert np.any(batch["full_kspace"] != 0, axis=1).sum() > given.sum()


def test_task_is_that_of_undersampled_scans(folders):
    (task,) = own_scans.tasks_of(look(folders, "undersampled"), "gaussian_2d", 8.0)
    assert task.pattern == "cartesian_random" and task.acceleration == pytest.approx(3.0, rel=0.2)
    (task,) = own_scans.tasks_of(look(folders, "full"), "gaussian_2d", 8.0)
    assert (task.pattern, task.acceleration) == ("gaussian_2d", 8.0)


def test_scans_of_several_accelerations_are_trained_for_from_the_least_to_the_most(folders):
    scans = look(folders, "several")
    tasks = own_scans.tasks_of(scans, "gaussian_2d", 8.0)
    config = own_scans.plan(scans, "small", tasks, self_supervised=True)
    check_config(config)
    low, high = config.data.accelerations
    assert low == pytest.approx(2.0, rel=0.2) and high == pytest.approx(6.0, rel=0.2)
    assert len(config.evaluation.accelerations) == 1
    for task in tasks:
        assert not unlike_sampling(config, task.pattern, task.acceleration)
    told = own_scans.describe(scans, tasks)
    assert told.endswith(f"trained for cartesian_random at acceleration {low:.3g} to {high:.3g}")
    assert own_scans.describe(scans, TASKS).endswith("at acceleration 3")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A checkpoint of an unrolled network that compiles fast."""
    folder = tmp_path_factory.mktemp("tiny")
    config = base_config()
    config.data.image_size, config.data.undersampling = SIZE, "simulated"
    network = {"name": "conv", "features": 4, "depth": 1, "dtype": "float32"}
    model = {"name": "unrolled", "cascades": 1, "dtype": "float32", "network": network}
    fast = {"memory": 2, "condition": 4, "guide": "none", "start": "zero_filled", "steps": 1}
    config.model = ConfigDict(model | fast)
    batch = {"kspace": np.ones((1, 1, SIZE, SIZE), np.complex64)}
    batch["mask"] = np.ones((1, SIZE, SIZE), np.float32)
    built = build_model(config.model)
    params = jax.jit(lambda b: built.init(jax.random.key(0), b, method="predict"))(batch)["params"]
    save_params(folder, params, config.lock())
    return str(folder)


@pytest.mark.parametrize("helped", [False, True])
def test_weights_that_did_not_help_are_not_recommended(folders, tmp_path, monkeypatch, helped):
    for name in ("set_up", "limit_steps", "train_to_end"):
        monkeypatch.setattr(own_scans, name, lambda *arguments: "")
    monkeypatch.setattr(own_scans, "_measure", lambda *arguments: ("figures", helped))
    scans = look(folders, "full")
    config = own_scans.plan(scans, "small", TASKS)
    text = own_scans.finetune(config, scans.subjects, tmp_path, minutes=1.0)
    assert "figures" in text and f"report: {tmp_path}/evaluation/report.html" in text
    assert ("use it: mript reconstruct" in text) == helped
    assert ("it did not help: keep the weights that you started from" in text) == (not helped)


@pytest.mark.slow
@pytest.mark.parametrize("adapters", [False, True])
def test_report_compares_before_and_after_on_held_out_scans(folders, tiny, tmp_path, adapters):
    scans = look(folders, "full")
    config = own_scans.plan(scans, tiny, TASKS, adapters=adapters)
    text = own_scans.finetune(config, scans.subjects, tmp_path, minutes=1e-4)
    assert "dB before" in text and "dB fine-tuned" in text
    results = read_results(tmp_path / "evaluation")
    assert {row["method"] for row in results["rows"]} >= {"before", "fine_tuned", "zero_filled"}
    page = (tmp_path / "evaluation" / "report.html").read_text()
    assert " dB over before; worse in " in page
    assert ("It did not help" in page) == ("it did not help" in text) == ("use it" not in text)
    splits = json.loads((tmp_path / "splits.json").read_text())
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [3, 1, 1]
    before, after = (flatten_dict(load_params(path)) for path in (tiny, tmp_path / "training"))
    assert set(before) == set(after)  # adapters are merged
    assert any(np.abs(before[name] - after[name]).max() > 0 for name in before)


@pytest.mark.slow
def test_scans_without_references_are_measured_at_held_out_samples(folders, tiny, tmp_path):
    scans = look(folders, "undersampled")
    config = own_scans.plan(scans, tiny, TASKS, self_supervised=True)
    text = own_scans.finetune(config, scans.subjects, tmp_path, minutes=1e-4)
    assert "error at samples that were not given to the model" in text
    errors = json.loads((tmp_path / "evaluation" / "held_out_samples.json").read_text())
    assert set(errors) == {"before", "fine_tuned"} and min(errors.values()) > 0
    page = (tmp_path / "evaluation" / "report.html").read_text()
    assert all(f"<b>{name}</b>" in page for name in ("zero filled", "before", "fine tuned"))
    assert page.count("<tr>") == 1 + 2 and f"{errors['before']:.4f} before" in page
