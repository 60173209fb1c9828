"""The scripts that start runs elsewhere, with stand-ins for the clusters' own commands."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LAUNCH = Path(__file__).parents[1] / "launch"
SCRIPTS = sorted([*LAUNCH.rglob("*.sh"), *LAUNCH.rglob("*.sbatch")])
SHELLCHECK = Path(sys.executable).with_name("shellcheck")
OVERRIDES = ["--config.data.patterns=('radial', \"spiral\")", "--config.total_steps=5"]
RUN = {"CONFIG": "configs/mript_tiny.py", "WORKDIR": "/mnt/bucket/a run"}


@pytest.fixture
def command(tmp_path):
    """Puts commands on the PATH that note how they were called."""

    def make(name, body=""):
        path = tmp_path / name
        path.write_text(f'#!/bin/bash\nprintf "%s\\0" "$@" > {tmp_path}/{name}.called\n{body}\n')
        path.chmod(0o755)
        return tmp_path / f"{name}.called"

    return make


def environment(tmp_path, **values):
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", **RUN, **values}


def trained_with(shell_command):
    """The flags that launch/train.py gets in a command line for a shell."""
    words = shlex.split(shell_command)
    return words[words.index("launch/train.py") + 1 :]


@pytest.mark.skipif(not SHELLCHECK.exists(), reason="the test extra brings shellcheck")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(LAUNCH)))
def test_shellcheck_finds_nothing(script):
    check = [SHELLCHECK, "-x", script]
    found = subprocess.run(check, capture_output=True, text=True, cwd=LAUNCH.parent)
    assert not found.returncode, found.stdout


@pytest.mark.parametrize(
    ("script", "name", "values"),
    [
        ("tpu/train.sh", "gcloud", {"TPU": "pod", "ZONE": "zone"}),
        ("gke/train.sh", "xpk", {"CLUSTER": "c", "TPU_TYPE": "v5litepod-16", "IMAGE": "image"}),
    ],
)
def test_overrides_reach_the_workers_as_they_were_given(tmp_path, command, script, name, values):
    called = command(name)
    subprocess.run(
        ["bash", LAUNCH / script, *OVERRIDES], check=True, env=environment(tmp_path, **values)
    )
    (line,) = [a for a in called.read_text().split("\0") if a.startswith("--command=")]
    expected = ["--join", f"--config={RUN['CONFIG']}", f"--workdir={RUN['WORKDIR']}", *OVERRIDES]
    assert trained_with(line.removeprefix("--command=")) == expected


@pytest.mark.parametrize("script", ["tpu/train.sh", "gke/train.sh", "slurm/train.sbatch"])
def test_a_variable_that_was_not_set_is_named(script):
    run = subprocess.run(
        ["bash", LAUNCH / script], capture_output=True, text=True, env={"PATH": os.environ["PATH"]}
    )
    assert run.returncode and ": set " in run.stderr


def planned(first_look, *done, folder="/none"):
    """What quickstart.sh does where the first look took so many seconds, and is still to do."""
    for step in done:
        (folder / step).mkdir(parents=True)
        (folder / step / ".done").touch()
    told = f'plan {first_look}; echo $size $pretraining $(seconds $(left "{folder}"))'
    command = f"source {LAUNCH}/quickstart_plan.sh; {told}"
    run = subprocess.run(["bash", "-euc", command], capture_output=True, text=True, check=True)
    return tuple(map(int, run.stdout.split()))


def test_quickstart_fits_into_five_minutes_on_somewhat_slower_machines_too():
    plans = {first_look: planned(first_look) for first_look in (5, 11, 12, 14, 16, 18, 20, 22, 23)}
    for first_look, (_, pretraining, rest) in plans.items():
        assert first_look + rest <= 300 and 20 <= pretraining <= 110
    sizes = [size for size, _, _ in plans.values()]
    assert sizes == sorted(sizes, reverse=True) and set(sizes) == {8, 4, 2}


def test_quickstart_says_by_how_much_it_overruns_on_slower_machines():
    size, pretraining, rest = planned(60)
    assert (size, pretraining) == (2, 20) and 60 + rest > 420


def test_quickstart_counts_only_what_is_not_done(tmp_path):
    _, pretraining, rest = planned(23)
    done = ("data/phantoms", "data/scans", "pretrained")
    assert planned(23, *done, folder=tmp_path)[2] < rest - pretraining


@pytest.fixture
def quickstart(tmp_path):
    """Runs quickstart.sh with a stand-in for Python; the calls that it made."""
    (tmp_path / "launch").mkdir()
    for name in ("quickstart.sh", "quickstart_plan.sh"):
        shutil.copy(LAUNCH / name, tmp_path / "launch" / name)
    (tmp_path / "launch" / "environment.sh").touch()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        '#!/bin/bash\necho "$@" >> calls\n[[ "$*" != *"$(cat broken)"* ]] || exit 1\n'
        'for a; do case $a in --output=*|--workdir=*) mkdir -p "${a#*=}" ;; esac; done\n'
    )
    python.chmod(0o755)

    def run(broken="nothing"):
        (tmp_path / "broken").write_text(broken)
        (tmp_path / "calls").write_text("")
        script = ["bash", tmp_path / "launch" / "quickstart.sh", "out"]
        status = subprocess.run(script, capture_output=True, text=True)
        return status, (tmp_path / "calls").read_text().splitlines()

    return run


def test_quickstart_that_was_interrupted_goes_on_by_the_plan_it_began_with(quickstart, tmp_path):
    (tmp_path / "out" / "first_look").mkdir(parents=True)
    (tmp_path / "out" / "first_look" / ".done").write_text("36\n")  # of a slow machine
    told, calls = quickstart(broken="launch/evaluate.py")
    assert told.returncode and calls[-1].startswith("launch/evaluate.py")
    told, calls = quickstart()
    assert not told.returncode, told.stderr
    assert "minutes on this machine: evaluation reconstruction\n" in told.stdout
    scripts = ["launch/make_phantoms.py", "launch/evaluate.py", "launch/reconstruct.py"]
    assert [call.split()[0] for call in calls] == scripts
    assert "--config.evaluation.max_slices=2" in calls[1]
    told, calls = quickstart()
    assert "the rest takes about 0.00 minutes on this machine: all is done\n" in told.stdout
    assert len(calls) == 1


# As Slurm's own commands do: srun kills its tasks at SIGTERM, scancel reaches the tasks alone.
SRUN = """
cd {folder}
bash -c "until [ -s task ]; do sleep 0.01; done; $TASK" & echo $! > task
trap 'kill -KILL $(cat task)' TERM
while kill -0 $! 2>/dev/null; do wait $!; done
wait $!
"""
SCANCEL = """[ "$*" = "--signal=TERM 17" ] && kill -TERM $(cat {folder}/task)"""
SCONTROL = """
echo "$*" >> {folder}/asked
echo "   PreemptEligibleTime=2026-11-21T12:00:00 PreemptTime=$PREEMPTED"
"""
RUNS = "for _ in {1..600}; do sleep 0.05; done"  # half a minute, not for ever
SAVES = f"trap 'sleep 0.5; touch saved; exit 143' TERM; touch ready; {RUNS}"


@pytest.fixture
def slurm_job(tmp_path, command):
    """Starts train.sbatch with a stand-in for the training; returns once that runs."""
    command("srun", SRUN.format(folder=tmp_path))
    command("scancel", SCANCEL.format(folder=tmp_path))
    command("scontrol", SCONTROL.format(folder=tmp_path))

    def start(task, preempted="None"):
        values = {"SLURM_JOB_ID": "17", "SLURM_SUBMIT_DIR": str(tmp_path)}
        values |= {"TASK": task, "PREEMPTED": preempted}
        job = subprocess.Popen(
            ["bash", LAUNCH / "slurm" / "train.sbatch", *OVERRIDES],
            env=environment(tmp_path, **values),
            stdout=subprocess.DEVNULL,
        )
        wait_for(tmp_path / "ready")
        return job

    return start


def wait_for(path):
    deadline = time.time() + 300
    while not path.exists():
        assert time.time() < deadline, f"{path.name} did not come"
        time.sleep(0.02)


def requeued(tmp_path):
    asked = tmp_path / "asked"
    return asked.exists() and "requeue 17" in asked.read_text().splitlines()


def test_before_its_time_limit_a_slurm_job_saves_and_goes_back_to_the_queue(tmp_path, slurm_job):
    header = (LAUNCH / "slurm" / "train.sbatch").read_text()
    (warning,) = re.findall(r"#SBATCH --signal=B:(\w+)@\d+\n", header)
    job = slurm_job(SAVES)
    job.send_signal(signal.Signals[f"SIG{warning}"])
    assert job.wait(timeout=300) == 143
    assert (tmp_path / "saved").exists(), "training was not asked to save"
    assert requeued(tmp_path)
    assert (tmp_path / "srun.called").read_text().split("\0")[-3:-1] == OVERRIDES


@pytest.mark.parametrize("to_the_script_too", [False, True])
@pytest.mark.parametrize("preempted", ["None", "2026-11-21T12:00:00"])
def test_a_slurm_job_that_is_preempted_goes_back_to_the_queue_and_a_cancelled_one_does_not(
    tmp_path, slurm_job, to_the_script_too, preempted
):
    job = slurm_job(SAVES, preempted)
    os.kill(int((tmp_path / "task").read_text()), signal.SIGTERM)
    for _ in range(2 * to_the_script_too):
        job.send_signal(signal.SIGTERM)
        time.sleep(0.1)
    assert job.wait(timeout=300) == 143
    assert (tmp_path / "saved").exists(), "the script ended before training had saved"
    assert requeued(tmp_path) == (preempted != "None")


@pytest.mark.parametrize(("status", "preempted"), [(0, "None"), (0, "2026-11-21"), (2, "None")])
def test_a_slurm_job_that_ends_by_itself_ends_as_training_did(
    tmp_path, slurm_job, status, preempted
):
    job = slurm_job(f"touch ready; exit {status}", preempted)
    assert job.wait(timeout=300) == status
    assert not requeued(tmp_path)


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_local_processes_that_are_asked_to_end_have_saved_when_the_script_ends(
    tmp_path, command, name, status
):
    saves = 'for i in "$@"; do case $i in --process=*) process=${i#*=} ;; esac; done\n'
    saves += f"cd {tmp_path}\n"
    saves += "trap 'echo asked >> asked$process; sleep 1; touch saved$process; exit 143' TERM\n"
    saves += f"touch ready$process; {RUNS}"
    command("python", saves)
    run = subprocess.Popen(
        ["bash", LAUNCH / "local.sh"],
        env=environment(tmp_path, PYTHON=str(tmp_path / "python"), PORT="1", PROCESSES="2"),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests may ignore it
    )
    for process in range(2):
        wait_for(tmp_path / f"ready{process}")
    run.send_signal(signal.Signals[name])
    assert run.wait(timeout=300) == status
    for process in range(2):
        assert (tmp_path / f"saved{process}").exists(), "the script ended before training had"
        assert (tmp_path / f"asked{process}").read_text() == "asked\n"


def test_local_processes_end_when_one_fails(tmp_path, command):
    fails = f"cd {tmp_path}; case $* in *--process=1*) "
    fails += "until [ -e ready ]; do sleep 0.05; done; exit 2 ;; esac\n"
    ends = f"trap 'touch ended; exit 143' TERM; touch ready; {RUNS}"
    command("python", fails + ends)
    run = subprocess.run(
        ["bash", LAUNCH / "local.sh"],
        env=environment(tmp_path, PYTHON=str(tmp_path / "python"), PORT="1", PROCESSES="2"),
        timeout=300,
    )
    assert run.returncode == 2
    wait_for(tmp_path / "ended")
