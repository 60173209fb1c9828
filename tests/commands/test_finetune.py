"""Fine-tuning on one's own scans: what its flags and overrides do before anything is trained."""

import pytest

from mript_jax.data.phantom.volume import write_fastmri_h5

SCRIPT = "from mript_jax.commands.main import main; main()"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of scans, and the script of the command beside it."""
    folder = tmp_path_factory.mktemp("finetune")
    (folder / "mript.py").write_text(SCRIPT)
    (folder / "scans").mkdir()
    for i in range(2):
        write_fastmri_h5(folder / "scans" / f"{i}.h5", 3, i, 1, 32)
    return folder


@pytest.fixture
def finetune(launch, folder):
    def call(*arguments):
        result = launch(str(folder / "mript.py"), "finetune", *arguments, folder=folder)
        assert not (folder / "runs").exists()  # nothing was trained
        return result

    return call


def test_overrides_reach_the_config_that_is_made_for_the_scans(finetune):
    changes = ("--config.optimizer.learning_rate=1e-5", "--config.total_steps=7")
    told = finetune("--input=scans", "--output=runs", "--print_config", *changes)
    assert told.status == 0, told.stderr
    lines = told.stdout.splitlines()
    assert {"optimizer.learning_rate = 1e-05", "total_steps = 7", "init_from = 'small'"} <= {*lines}
    assert "data.accelerations = (4.0,)" in lines


def test_fields_of_the_config_are_told_instead_of_a_training(finetune):
    told = finetune("--input=scans", "--output=runs", "--help_config")
    assert told.status == 0 and "learning_rate" in told.stdout


@pytest.mark.slow
def test_cost_of_a_step_is_told_instead_of_a_training(finetune):
    told = finetune("--input=scans", "--output=runs", "--estimate", "--adapters")
    assert told.status == 0, told.stderr
    assert "million parameters on 1 device" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--input=scans"], "--output is needed"),
        (["--config.seed=1"], "--input is needed"),
        (["--input=scans", "--output=runs", "--workdir=runs"], "--output"),
        (["--input=scans", "--output=runs", "--processes=2"], "one process"),
        (["--input=scans", "--output=runs", "--topology=h100:8"], "needs --estimate"),
        (["--input=scans", "--output=runs", "--config.init_from=small"], "use --checkpoint"),
        (["--input=scans", "--output=runs", "--config.optimizer.lr=1"], "learning_rate"),
        (["--input=scans", "--output=runs", "--minutes=0"], "--minutes=0 must be above 0"),
        (["--input=scans", "--config=unrolled"], "use --config.data.path"),
        (["--config=unrolled", "--workdir=runs", "--adapters"], "--config.optimizer.lora_rank=8"),
    ],
)
def test_flags_that_would_be_ignored_are_refused_in_a_line(finetune, arguments, words):
    result = finetune(*arguments)
    assert result.status == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ") and words in line, line
