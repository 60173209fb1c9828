import contextlib
import resource
import shutil

import numpy as np
import pytest
from ml_collections import ConfigDict

from mript_jax.checkpoint import (
    Checkpoints,
    find_checkpoint,
    load_checkpoint_config,
    load_params,
    save_params,
)
from mript_jax.errors import UserError


@pytest.fixture
def saved(tmp_path):
    params = {"head": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}}
    config = ConfigDict({"model": {"name": "mript", "global_blocks": (1, 3)}, "data": {}})
    save_params(tmp_path / "run", params, config)
    return tmp_path / "run", params


def test_parameters_come_back_as_numpy(saved):
    path, params = saved
    loaded = load_params(path)
    assert isinstance(loaded["head"]["kernel"], np.ndarray)
    np.testing.assert_array_equal(loaded["head"]["kernel"], params["head"]["kernel"])


def test_the_config_travels_with_tuples(saved):
    assert load_checkpoint_config(saved[0]).model.global_blocks == (1, 3)


def test_a_run_and_a_step_in_it_are_both_checkpoints(saved):
    step = find_checkpoint(saved[0])
    assert step.name == "0"
    assert find_checkpoint(step) == step
    assert find_checkpoint(step.parent) == step


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_a_checkpoint_is_refused_by_name(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=name):
        find_checkpoint(tmp_path / name)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


DAMAGES = [
    (flip, "params/d/*"),
    (cut, "params/d/*"),
    (remove, "params/d/*"),
    (empty, "params/manifest.ocdbt"),
    (flip, "params/_METADATA"),
    (cut, "params/_METADATA"),
    (empty, "config/metadata"),
    (flip, "config/metadata"),
]


@pytest.fixture(scope="module")
def run_of_two_steps(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("run")
    config = ConfigDict({"model": {"name": "mript"}})
    checkpoints = Checkpoints(workdir)
    for step in (1, 2):
        params = {"params": {"w": np.full(40, step, np.float32)}}
        checkpoints.save(step, params, {"next_example": step}, config)
    checkpoints.close()
    return workdir


@pytest.fixture
def two_steps(run_of_two_steps, tmp_path):
    """A run with steps 1 and 2, whose weights are their number."""
    return shutil.copytree(run_of_two_steps, tmp_path / "run")


def damage_step(workdir, how, pattern, step=2):
    (path,) = (workdir / "checkpoints" / str(step)).glob(pattern)
    how(path)


@pytest.mark.parametrize(("how", "pattern"), DAMAGES)
def test_damaged_newest_step_falls_back_to_the_one_before_and_says_so(
    two_steps, caplog, how, pattern
):
    damage_step(two_steps, how, pattern)
    assert (load_params(two_steps)["w"] == 1).all()
    assert load_checkpoint_config(two_steps).model.name == "mript"
    told = caplog.records[0].getMessage()
    assert "checkpoints/2 is damaged" in told and "using step 1" in told


def test_step_that_is_named_and_damaged_is_refused(two_steps):
    damage_step(two_steps, flip, "params/d/*")
    with pytest.raises(UserError, match=r"checkpoints/2 is damaged: params/d/.* as it was saved"):
        load_params(two_steps / "checkpoints" / "2")


def test_run_with_damaged_steps_alone_is_refused_and_keeps_them(two_steps):
    for step in (1, 2):
        damage_step(two_steps, cut, "data/metadata", step)
        damage_step(two_steps, empty, "config/metadata", step)
    with pytest.raises(UserError, match="every checkpoint is damaged"):
        load_params(two_steps)
    with pytest.raises(UserError, match="every checkpoint is damaged"):
        Checkpoints(two_steps).latest_intact_step()
    assert Checkpoints(two_steps).latest_step() == 2


def test_resuming_moves_a_damaged_step_aside_so_that_it_can_be_saved_again(two_steps):
    damage_step(two_steps, flip, "data/metadata")
    for name in ("2", "2_1"):
        checkpoints = Checkpoints(two_steps)
        assert checkpoints.latest_intact_step() == 1
        assert (two_steps / "damaged" / name).is_dir()
        checkpoints.save(2, {"params": {"w": np.zeros(1)}}, {}, ConfigDict({"model": {}}))
        checkpoints.close()
        assert Checkpoints(two_steps).latest_intact_step() == 2
        damage_step(two_steps, flip, "params/d/*")


def test_checksums_that_cannot_be_read_are_damage(saved):
    step = find_checkpoint(saved[0])
    for sums in ("", "[]", "\0", "[" * 10**5):
        (step / "sha256.json").write_text(sums)
        with pytest.raises(UserError, match=r"sha256\.json cannot be read"):
            find_checkpoint(step)


@pytest.mark.parametrize(("how", "pattern"), DAMAGES[1:6])
def test_damage_without_checksums_is_refused_in_one_line(two_steps, how, pattern):
    (two_steps / "checkpoints" / "2" / "sha256.json").unlink()
    damage_step(two_steps, how, pattern)
    try:
        load_params(two_steps), load_checkpoint_config(two_steps)
    except UserError as error:
        assert "checkpoints/2" in str(error) and "\n" not in str(error)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    save_params(tmp_path, {"w": np.array([1, np.nan])}, ConfigDict({"model": {"name": "mript"}}))
    with pytest.raises(UserError, match="w are not finite"):
        load_params(tmp_path)


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ("", "char 0"),
        ("[]", "no group"),
        ('{"data": {}}', "model"),
        ('{"model": 5}', "model"),
        ('{"model": {}, "data": 3}', "data"),
        ('{"model": {}, "data": {"patterns": 3}}', "data.patterns=3"),
        ('{"model": {}, "seed": NaN}', "seed"),
        ("[" * 10**5, "config"),
    ],
)
def test_config_that_is_none_is_refused_by_its_checkpoint(saved, config, word):
    step = find_checkpoint(saved[0])
    (step / "sha256.json").unlink()
    (step / "config" / "metadata").write_text(config)
    with pytest.raises(UserError, match=word) as error:
        load_checkpoint_config(saved[0])
    assert str(step) in str(error.value)


@contextlib.contextmanager
def full_disk(size):
    """Files cannot grow beyond `size` bytes, as on a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_full_disk_is_named_and_leaves_the_steps_before(two_steps, capfd):
    items = {"params": {"w": np.random.default_rng(0).random(10**5)}}
    checkpoints = Checkpoints(two_steps)
    with (
        full_disk(10**5),
        pytest.raises(UserError, match=r"step 3 .* written to .*: File too large$"),
    ):
        checkpoints.save(3, items, {}, ConfigDict({"model": {}}))
        checkpoints.close()
    assert not capfd.readouterr().err
    assert (load_params(two_steps)["w"] == 2).all()
    checkpoints = Checkpoints(two_steps)
    checkpoints.save(3, items, {}, ConfigDict({"model": {}}))
    checkpoints.close()
    assert Checkpoints(two_steps).latest_intact_step() == 3
