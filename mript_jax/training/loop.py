"""Training from a config: `train(config, workdir)`, from top to bottom."""

import contextlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
from ml_collections import ConfigDict

from mript_jax.checkpoint import (
    Checkpoints,
    find_checkpoint,
    load_checkpoint_config,
    write_config,
)
from mript_jax.config import check_config
from mript_jax.data.pipeline import Pipeline, build_pipeline
from mript_jax.errors import UserError
from mript_jax.training.compilation import Recompilation
from mript_jax.training.device_batches import DeviceBatches, StepsInFlight
from mript_jax.training.devices import peak_flops
from mript_jax.training.finetune import initialize_from
from mript_jax.training.lock import locked
from mript_jax.training.log import TrainingLog
from mript_jax.training.memory import (
    named_exhaustion,
    refuse_without_memory_for_state,
    refuse_without_memory_for_step,
)
from mript_jax.training.optimizer import learning_rates
from mript_jax.training.preemption import Preempted, Preemption
from mript_jax.training.resume import data_position, refuse_another_run
from mript_jax.training.setup import Setup, set_up
from mript_jax.training.sharding import process_part
from mript_jax.training.stall import StallWatch
from mript_jax.training.state import TrainState, checkpoint_items, from_checkpoint_items
from mript_jax.training.validation import build_validation

PROFILE_FROM = 10  # steps after the start: those before are slower
STOPPED = 143  # the exit status of what SIGTERM ends, so that schedulers start it again


def train(config: ConfigDict, workdir: str | Path, setup: Setup | None = None) -> TrainState:
    """Train until `config.total_steps`, from the newest checkpoint of `workdir` if there is one.

    If the run is preempted (SIGTERM), the returned state is the one that was saved. A `setup` of
    this config that was used before is not compiled again.
    """
    check_config(config)
    if "://" in str(workdir):
        raise UserError(f"--workdir={workdir}: a run is written to a folder; mount the bucket")
    workdir = Path(workdir).absolute()
    with (
        locked(workdir, writes=jax.process_index() == 0),
        StallWatch(f"config.data.path={config.data.path!r}") as watch,
        named_exhaustion(),
    ):
        return _train(config, workdir, setup or set_up(config), watch)


def train_to_end(config: ConfigDict, workdir: str | Path, setup: Setup | None = None) -> TrainState:
    """Train as `train` does; a run that is preempted ends the process, with SIGTERM's status."""
    state = train(config, workdir, setup)
    if int(state.step) < config.total_steps:
        print(f"preempted: saved at step {state.step}, the same command resumes: {workdir}")
        sys.exit(STOPPED)
    return state


def _train(config: ConfigDict, workdir: Path, setup: Setup, watch: StallWatch) -> TrainState:
    """Start or resume a run, and train."""
    index, count = process_part(setup.batch_sharding, config.global_batch_size)
    with watch.waiting():
        pipeline = build_pipeline(
            config.data,
            "train",
            config.seed,
            config.global_batch_size,
            process_index=index,
            process_count=count,
            fields=setup.batch_fields,
        )
    checkpoints = Checkpoints(workdir, config.keep_checkpoints)
    newest = checkpoints.latest_intact_step()
    if newest is None and config.init_from:
        find_checkpoint(config.init_from)  # a wrong name is told before anything is compiled
    refuse_without_memory_for_state(setup)
    if newest is not None:
        if newest < config.total_steps:
            refuse_without_memory_for_step(setup)
        saved = load_checkpoint_config(workdir)
        refuse_another_run(workdir, saved, config)
        items, data_state = checkpoints.restore(newest, checkpoint_items(setup.abstract_state))
        state = from_checkpoint_items(items)
        pipeline.set_state(data_position(data_state, saved.global_batch_size))
    else:
        with ThreadPoolExecutor(1) as beside:  # weights are drawn while the step is compiled
            weights = beside.submit(setup.init)
            refuse_without_memory_for_step(setup)
        write_config(workdir, config)
        params = weights.result()
        if config.init_from:
            params = initialize_from(config.init_from, params, config.model)
        state = setup.create(params)
    try:
        return _run(
            config,
            workdir,
            state=state,
            setup=setup,
            pipeline=pipeline,
            checkpoints=checkpoints,
            watch=watch,
        )
    finally:
        checkpoints.close()


def _run(
    config: ConfigDict,
    workdir: Path,
    state: TrainState,
    setup: Setup,
    pipeline: Pipeline,
    checkpoints: Checkpoints,
    watch: StallWatch,
) -> TrainState:
    """The loop: next batch, step, log, save."""
    start, peak = int(state.step), peak_flops()
    rates = learning_rates(config.optimizer, config.total_steps)
    batches = DeviceBatches(pipeline, setup.batch_sharding, config.global_batch_size)
    in_flight = StepsInFlight()
    validation = build_validation(config, workdir, setup)
    at_peak = setup.model_flops() / peak if peak else None
    with (
        TrainingLog(workdir, start, config, at_peak) as log,
        Recompilation(pipeline.shapes) as recompilation,
        Preemption() as preemption,
    ):
        for number in range(start + 1, config.total_steps + 1):
            try:
                with watch.waiting(), preemption.raised():
                    batch = next(batches)
            except Preempted:
                checkpoints.save(number - 1, checkpoint_items(state), batches.position(), config)
                break
            recompilation.begin()
            state, metrics = setup.step(state, batch, rates[number - 1])
            recompilation.check(number, batch)
            if number < config.total_steps:
                with contextlib.suppress(Preempted), watch.waiting(), preemption.raised():
                    batches.prefetch()
            in_flight(metrics)
            last = preemption(number) or number == config.total_steps
            due = last or number % config.log_every_steps == 0
            logged = metrics | {"learning_rate": rates[number - 1]}
            log.step(number, logged, batches.waited, due=due)
            every = config.checkpoint_every_steps
            if last or (every and number % every == 0):
                _refuse_nonfinite(metrics, config.optimizer.max_nonfinite, batches)
                checkpoints.save(number, checkpoint_items(state), batches.position(), config)
            elif number % config.log_every_steps == 0:
                _refuse_nonfinite(metrics, config.optimizer.max_nonfinite, batches)
            if config.profile_steps and number == start + PROFILE_FROM:
                jax.profiler.start_trace(workdir / "profile")
            traced_until = min(start + PROFILE_FROM + config.profile_steps, config.total_steps)
            if config.profile_steps and number == traced_until > start + PROFILE_FROM:
                jax.block_until_ready(state)
                jax.profiler.stop_trace()
            if validation and number % config.evaluate_every_steps == 0:
                log.validation(number, *validation(number, state.ema or state.params))
            if last:
                break
    return state


def _refuse_nonfinite(metrics: dict[str, jax.Array], most: int, batches: DeviceBatches) -> None:
    in_a_row = int(metrics["nonfinite_in_a_row"])
    if in_a_row >= most:
        raise UserError(
            f"the loss or its gradient was not finite in {in_a_row} updates in a row, the last one "
            f"of {', '.join(batches.names())}; the newest checkpoint is from before "
            "(a lower learning rate or clip_l2 may help)"
        )
