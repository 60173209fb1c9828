"""Studies run from start to table, and go on where they were stopped."""

import itertools
import json
import re
import shlex
import shutil
import types
from pathlib import Path

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

from mript_jax.config import (
    apply_overrides,
    check_config,
    derive_config,
    flatten_config,
    load_config_file,
    split_overrides,
)
from mript_jax.data.generated_pictures import dead_leaves, write_pictures
from mript_jax.data.pipeline import build_pipeline
from mript_jax.errors import UserError
from mript_jax.experiments import study as study_module
from mript_jax.experiments import study_plan
from mript_jax.experiments.study import run_study
from mript_jax.training import loop
from mript_jax.training.setup import set_up

ROOT = Path(__file__).parents[2]
STUDIES = ROOT / "configs" / "studies"
NAMES = sorted(path.stem for path in STUDIES.glob("*.py") if not path.stem.startswith("base"))


def parse(*arguments):
    """A study as launch/study.py gets it."""
    overrides, others = split_overrides(arguments)
    (path,) = (a.removeprefix("--config=") for a in others if a.startswith("--config="))
    return apply_overrides(load_config_file(path).lock(), overrides)


def documented(name):
    """The study that docs/studies.md's command at full scale makes of a config."""
    text = (ROOT / "docs" / "studies.md").read_text().replace("\\\n", " ")
    (command,) = (
        line for line in text.splitlines() if f"/{name}.py --workdir" in line and "RADIMAG" in line
    )
    arguments = [a for a in shlex.split(command) if a.startswith("--")]
    return parse(*(a.replace("=configs/", f"={ROOT}/configs/") for a in arguments))


def what(config):
    return config.data.source, config.data.path, config.total_steps, config.data.max_slices


@pytest.mark.parametrize("name", NAMES)
def test_study_configs_are_valid(name):
    study = load_config_file(STUDIES / f"{name}.py")
    given = study.checkpoints if "checkpoints" in study else {}
    assert study.about and set(study_plan.compared(study)) <= {*study.runs, *given}
    assert "probe" in study or len(study.conditions) > 0
    for config in (*study.runs.values(), *study.conditions.values()):
        check_config(config)


@pytest.mark.parametrize(
    "name", [n for n in NAMES if "variants" in load_config_file(f"studies/{n}")]
)
def test_variants_differ_in_more_than_their_seed_and_their_runs_in_nothing_else(name):
    study = load_config_file(STUDIES / f"{name}.py")
    assert sorted(study.compared) == sorted(study.variants)
    seen = []
    for variant, runs in study.variants.items():
        configs = [study.runs[run].copy_and_resolve_references() for run in runs]
        assert [config.seed for config in configs] == [0, 1, 2]
        for seed, config in enumerate(configs):
            assert runs[seed] == f"{variant}_{seed}"
            assert not config.init_from or config.init_from.endswith(f"_{seed}")
            config.seed, config.init_from = 0, config.init_from.rpartition("_")[0]
        assert configs[0].to_dict() == configs[1].to_dict() == configs[2].to_dict()
        seen.append(configs[0].to_dict())
    assert all(a != b for a, b in itertools.combinations(seen, 2))


def test_set_sizes_at_full_scale_are_what_the_documented_command_says():
    study = documented("set_sizes")
    assert what(study.runs.pretrained_1) == ("radimagenet", "RADIMAGENET", 100_000, 0)
    for start, init_from in (("tuned", "pretrained_1"), ("fresh", "")):
        for size in (10, 100, 1000, 2500):
            run = study.runs[f"{start}_{size}_1"]
            assert what(run) == ("fastmri", "FASTMRI", 20_000, size)
            assert run.init_from == init_from
    assert what(study.conditions.test)[:2] == ("fastmri", "FASTMRI")
    configs = (*study.runs.values(), *study.conditions.values())
    assert {config.data.image_size for config in configs} == {224}


def test_kinds_of_data_at_full_scale_are_what_the_documented_command_says():
    study = documented("pretraining_data")
    assert what(study.runs.anatomy_2) == ("radimagenet", "RADIMAGENET", 100_000, 0)
    assert what(study.runs.pictures_2) == ("images", "PHOTOGRAPHS", 100_000, 0)
    assert what(study.runs.objects_2)[0] == "generated"
    for name in ("anatomy", "objects", "pictures", "textures"):
        run = study.runs[f"from_{name}_2"]
        assert run.init_from == f"{name}_2" and what(run) == ("fastmri", "FASTMRI", 20_000, 100)
    assert what(study.runs.fresh_2) == ("fastmri", "FASTMRI", 20_000, 100)


def test_masked_pretraining_is_set_against_as_many_updates_of_tuning_and_of_both():
    steps = ("--config.experiment.total_steps=30", "--config.tuning.total_steps=7")
    runs = parse(f"--config={STUDIES / 'masked_pretraining.py'}", *steps).runs
    assert (runs.masked_1.loss, runs.masked_1.total_steps) == ("masked_l1", 30)
    assert runs.pretrained_1.init_from == "masked_1"
    tuned = {name: runs[f"{name}_1"] for name in ("pretrained", "fresh", "fresh_longer")}
    assert [config.total_steps for config in tuned.values()] == [7, 7, 37]
    assert {config.loss for config in tuned.values()} == {"l1_ssim"}
    same = {config.data.options.phantom.seed for config in tuned.values()}
    assert len(same) == 1 and runs.masked_1.data.options.phantom.seed not in same


def test_equal_time_compares_the_unrolled_network_with_each_other_one():
    study = load_config_file("studies/equal_time")
    runs = study_plan.compared(study)
    assert runs[:2] == ("unrolled_0", "varnet_0")
    assert [run[-1] for run in runs] == sorted(run[-1] for run in runs)  # all first seeds first
    assert len(runs) == len(set(runs)) == 3 * len(study.variants)


OTHER_NETWORKS = pytest.mark.parametrize(
    "name", ["unrolled_unet", "unrolled_window", "unrolled_fine"]
)


@OTHER_NETWORKS
def test_other_networks_in_the_same_cascades_differ_in_nothing_else(name):
    study = load_config_file("studies/equal_time")
    ours, other = (flatten_config(study.runs[f"{of}_0"]) for of in ("unrolled", name))
    differ = {field for field in ours | other if ours.get(field) != other.get(field)}
    assert differ and all(field.startswith("model.network.") for field in differ)


@OTHER_NETWORKS
def test_other_networks_in_the_same_cascades_are_built(name):
    config = small_run_of_equal_time(name)
    setup = set_up(config, jax.devices()[:1])
    assert setup.abstract_state.params["cascades"]["network"]


@pytest.mark.slow
@OTHER_NETWORKS
def test_other_networks_in_the_same_cascades_learn_in_a_step(name):
    config = small_run_of_equal_time(name)
    setup = set_up(config, jax.devices()[:1])
    state = setup.create(setup.init())
    before = jax.device_get(state.params)
    batch = next(build_pipeline(config.data, "train", 0, 2, fields=setup.batch_fields))
    state, metrics = setup.step(state, batch, 1e-3)
    changed = jax.tree.map(lambda a, b: (a != b).any(), before, jax.device_get(state.params))
    assert np.isfinite(metrics["loss"]) and any(jax.tree.leaves(changed["cascades"]["network"]))


def small_run_of_equal_time(name):
    config = load_config_file("studies/equal_time").runs[f"{name}_0"]
    config = config.copy_and_resolve_references().unlock()
    config.data.update({"image_size": 32, "mixture": ()})
    config.data.options.phantom.update({"count": 20, "size": 32})
    config.model.update({"cascades": 1, "guide": "zero_filled", "start": "zero_filled"})
    return config.lock()


def test_variants_may_have_fewer_seeds_than_the_first_and_are_paired_by_those(tmp_path):
    file, names = f"--config={STUDIES / 'equal_time.py'}", ("unrolled", "varnet_1", "unet_0")
    study = parse(file, f"--config.compared={names}")
    runs = ("unrolled_0", "varnet_1", "unet_0", "unrolled_1", "unrolled_2")
    assert study_plan.compared(study) == runs
    psnr = {"unrolled_0": 30, "unrolled_1": 33, "unrolled_2": 36, "varnet_1": 31, "unet_0": 29}
    psnr |= {"total_variation": 28, "wavelet": 28, "conjugate_symmetry": 28, "zero_filled": 20}
    lines = ["pattern,acceleration,center_fraction,volume,slice_index,method,psnr,ssim"]
    lines += [f"radial,4,0.08,v,0,{method},{value},0.5" for method, value in psnr.items()]
    folder = tmp_path / "evaluation" / "phantoms"
    folder.mkdir(parents=True)
    (folder / "examples.csv").write_text("\n".join(lines))
    variants = study_plan.compared_variants(study)
    rows = study_module._paired(study, "phantoms", variants, tmp_path)
    found = {row["rival"]: (row["seeds"], row["mean difference (dB)"]) for row in rows}
    assert found["varnet"] == (1, "2.00")  # 33 - 31
    assert found["unet"] == (1, "1.00")
    assert found["wavelet"] == (3, "5.00")


def test_real_slices_are_evaluated_on_where_their_folder_is_given():
    file = f"--config={STUDIES / 'equal_time.py'}"
    assert list(study_plan.conditions_with_data(parse(file))) == ["phantoms"]
    study = parse(file, "--config.conditions.real.data.path=SCANS")
    conditions = study_plan.conditions_with_data(study)
    assert list(conditions) == ["phantoms", "real"]
    real = conditions["real"]
    assert (real.data.source, real.data.path, real.data.mixture) == ("images", "SCANS", ())
    assert real.data.options.images.group == "folder" and real.evaluation.protocol == "measured"
    assert all(run.data.source == "phantom" for run in study.runs.values())


def test_a_change_of_one_run_is_of_that_run_alone():
    file = f"--config={STUDIES / 'set_sizes.py'}"
    run = "--config.runs.tuned_10_0.data.source"
    study = parse(file, f"{run}=fastmri", "--config.tuning.total_steps=7")
    assert study.runs.tuned_10_0.data.source == "fastmri"
    assert study.runs.tuned_10_1.data.source == study.tuning.data.source == "phantom"
    assert study.runs.tuned_10_0.total_steps == study.runs.fresh_10_1.total_steps == 7
    assert study.runs.pretrained_0.total_steps == 400


def test_fields_follow_until_they_are_set():
    config = ConfigDict({"a": 1, "group": {"b": 2}})
    config.c = config.get_ref("a")
    first = derive_config(config, {"group": {"b": 3}})
    second = derive_config(first)
    config.a, config.group.b = 10, 20
    assert second.to_dict() == {"a": 10, "group": {"b": 3}, "c": 10}
    second.a = 5  # what had one value keeps one
    assert second.c == 5 and first.a == config.a == 10
    with pytest.raises(KeyError, match="grup"):
        derive_config(config, {"grup": {}})


def test_runs_of_a_network_have_the_same_steps_timed_once_before_any_trains(tmp_path, monkeypatch):
    timed, trained = [], []
    monkeypatch.setattr(study_module, "seconds_per_step", lambda config: timed.append(1) or 2.0)
    monkeypatch.setattr(study_module, "_train", lambda *args: trained.append(len(timed)))
    monkeypatch.setattr(study_module, "_evaluate", lambda *args, **kwargs: 1 / 0)
    names = ("unet_0", "varnet_0", "unet_1")
    study = parse(f"--config={STUDIES / 'equal_time.py'}", f"--config.compared={names}")
    with pytest.raises(ZeroDivisionError):
        run_study(study, tmp_path)
    steps = {path.stem: json.loads(path.read_text()) for path in tmp_path.rglob("steps/*.json")}
    assert {name: value["total_steps"] for name, value in steps.items()} == dict.fromkeys(
        ("unet", "varnet"), 120
    )
    assert trained == [2, 2, 2]


def test_study_ends_when_a_training_is_preempted_and_trains_no_other(tmp_path, monkeypatch):
    trained = []
    stopped = types.SimpleNamespace(step=7)
    monkeypatch.setattr(study_module, "seconds_per_step", lambda config: 2.0)
    monkeypatch.setattr(loop, "train", lambda *args: trained.append(args) or stopped)
    study = parse(f"--config={STUDIES / 'equal_time.py'}", "--config.compared=('unet_0','unet_1')")
    with pytest.raises(SystemExit) as ended:
        run_study(study, tmp_path)
    assert ended.value.code == 143 and len(trained) == 1


def test_tuning_on_what_was_pretrained_on_is_refused(tmp_path):
    data = ("source=radimagenet", "path=D")
    groups = ("experiment", "tuning")
    arguments = [f"--config.{group}.data.{value}" for group in groups for value in data]
    study = parse(f"--config={STUDIES / 'set_sizes.py'}", *arguments)
    with pytest.raises(UserError, match=r"pretrained_0 was trained on, radimagenet:D.*config.tun"):
        run_study(study, tmp_path)
    assert not any(tmp_path.iterdir())


def test_unknown_name_in_a_study_is_told_with_its_checkpoints(tmp_path):
    study = parse(f"--config={STUDIES / 'artifacts.py'}", "--config.compared=('smal',)")
    with pytest.raises(UserError, match=r"'smal'; did you mean 'small'"):
        run_study(study, tmp_path)


def test_dead_leaves_differ_and_have_the_spectrum_of_photographs():
    rng = np.random.default_rng(0)
    images = np.stack([dead_leaves(64, rng) for _ in range(8)])
    assert not np.allclose(images[0], images[1])
    assert -3 < slope_of_power(images) < -1


def slope_of_power(images):
    """Of the logarithm over that of the frequency; -2 in photographs."""
    power = np.mean(np.abs(np.fft.fft2(images)) ** 2, axis=0)[0]
    return np.polyfit(np.log(np.arange(2, 20)), np.log(power[2:20]), 1)[0]


def test_random_fields_differ_and_have_no_edges(tmp_path):
    write_pictures(tmp_path, "random_fields", 8, 64)
    images = np.stack([np.asarray(Image.open(p), float) for p in sorted(tmp_path.iterdir())])
    assert images.shape == (8, 64, 64) and not np.allclose(images[0], images[1])
    leaves = np.stack([255 * dead_leaves(64, np.random.default_rng(i)) for i in range(4)])
    steps = [np.abs(np.diff(of)).max() / of.std() for of in (images, leaves)]
    assert 2 * steps[0] < steps[1]
    assert -3 < slope_of_power(images) < -1


@pytest.mark.slow
def test_linear_heads_on_an_encoder_tell_tissues_better_than_the_majority(tmp_path):
    study = load_config_file(STUDIES / "encoder_reuse.py").unlock()
    study.experiment.update({"total_steps": 2, "global_batch_size": 8})
    text = run_study(study, tmp_path)
    rows = json.loads((tmp_path / "study.json").read_text())
    assert [r["features"] for r in rows] == ["majority", "pixels", "untrained", "pretrained"]
    for metric in ("tissue: accuracy", "tissue: mean Dice", "contrast: accuracy"):
        assert all(rows[0][metric] + 0.02 < row[metric] <= 1 for row in rows[1:])
    assert "| pretrained |" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "variants"),
    [
        ("pretraining_data", ["anatomy", "from_anatomy", "fresh"]),
        ("masked_pretraining", ["masked", "pretrained", "fresh"]),
        ("artifacts", []),
    ],
)
def test_a_study_runs_to_its_table_and_is_not_repeated(name, variants, tmp_path, capsys):
    study = load_config_file(STUDIES / f"{name}.py").unlock()
    study.experiment.evaluation.max_slices = 2
    study.experiment.update({"total_steps": 2, "global_batch_size": 8})
    study.experiment.data.image_size = 64
    trained = []
    if variants:
        start, tuned, fresh = variants
        study.tuning.total_steps = 1
        study.compared = (f"{tuned}_0", f"{fresh}_0", f"{tuned}_1")
        trained = [f"{start}_0", f"{start}_1", *study.compared]
    for condition in list(study.conditions)[3:]:
        del study.conditions[condition]
    table = run_study(study, tmp_path)
    printed = re.findall("training (.*)", capsys.readouterr().out)
    assert sorted(printed) == sorted(trained)
    page = (tmp_path / "study.html").read_text()
    assert "report.html" in page
    assert table == (tmp_path / "study.md").read_text()
    rows = json.loads((tmp_path / "study.json").read_text())
    methods = variants[1:] or ["small", "total_variation"]
    assert [row["method"] for row in rows] == [*methods, "zero_filled"] * len(study.conditions)
    if variants:
        assert rows[0]["seeds"] == 2
        assert rows[0]["gain_low"] < rows[0]["gain"] < rows[0]["gain_high"]
        assert f"{tuned} against each" in table
        assert f"{tuned.replace('_', ' ')} against each" in page
    for condition in study.conditions:
        assert (tmp_path / "evaluation" / condition / "report.html").exists()
    assert run_study(study, tmp_path) == table
    assert "training" not in capsys.readouterr().out


@pytest.fixture
def small(monkeypatch):
    """A study that takes seconds."""
    monkeypatch.setattr(study_module, "PICTURES", 30)
    study = load_config_file(STUDIES / "few_shot.py").unlock()
    study.experiment.update({"total_steps": 1, "global_batch_size": 8, "loss": "l1"})
    study.tuning.total_steps = 1
    study.experiment.model.update({"width": 16, "depth": 1, "heads": 1, "gpsa": (0, 0)})
    study.experiment.data.image_size = 32
    study.experiment.data.options.phantom.count = 40
    study.experiment.evaluation.update({"patterns": ("gaussian_1d",), "max_slices": 2})
    study.compared = ("pretrained",)
    return study


@pytest.mark.slow
def test_study_folder_with_other_settings_is_refused(small, tmp_path, capsys):
    run_study(small, tmp_path / "before")
    assert capsys.readouterr().out.count("training") == 2
    workdir = (tmp_path / "before").rename(tmp_path / "moved")
    small.experiment.log_every_steps = 7  # this and where the folder lies change no figure
    table = run_study(small, workdir)
    assert capsys.readouterr().out == ""

    small.runs.pictures.optimizer.learning_rate = 0.25
    with pytest.raises(UserError, match=r"'pictures' .*optimizer.learning_rate=0.001, and 0.25 is"):
        run_study(small, workdir)
    small.runs.pictures.optimizer.learning_rate = 1e-3

    small.conditions.test.evaluation.max_slices = 1
    with pytest.raises(UserError, match=r"evaluation 'test' .*max_slices=2, and 1 is.*--workdir"):
        run_study(small, workdir)
    small.conditions.test.evaluation.max_slices = 2

    evaluated = workdir / "evaluation" / "test" / "config.json"
    fields = json.loads(evaluated.read_text())
    del fields["data"]["options"]["numpy"]  # made before the field came
    evaluated.write_text(json.dumps(fields))
    run_study(small, workdir)

    small.compared = ("pretrained", "fresh")
    both = run_study(small, workdir)
    assert "nan" not in both and both.count("| fresh |") == 1
    assert set(table.splitlines()) <= set(both.splitlines())
    assert capsys.readouterr().out == "training fresh\nevaluating test\n"

    shutil.rmtree(workdir / "runs" / "fresh")  # trained anew and otherwise: not what was evaluated
    small.runs.fresh.seed = 1
    run_study(small, workdir)
    assert capsys.readouterr().out == "training fresh\nevaluating test\n"
