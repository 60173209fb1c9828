"""Setup of a run from its config: mesh, model, optimizer and step, without data or arrays."""

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding
from ml_collections import ConfigDict

from mript_jax.batch import Batch, empty_example, stack
from mript_jax.config.files import flatten_config
from mript_jax.data.pipeline import training_makers
from mript_jax.errors import UserError
from mript_jax.lora import add_adapters, merge_adapters
from mript_jax.models import build_model
from mript_jax.models.base import ReconstructionModel
from mript_jax.sizes import height_width
from mript_jax.target import Target, target_of, traced_for
from mript_jax.training import compile_options
from mript_jax.training.flops import count_flops
from mript_jax.training.losses import Loss, build_loss
from mript_jax.training.optimizer import build_optimizer
from mript_jax.training.sharding import (
    batch_sharding,
    build_mesh,
    gather,
    state_shardings,
    with_shardings,
)
from mript_jax.training.state import TrainState, create_state
from mript_jax.training.step import make_step

PLAIN = Target("cpu", 2)  # for which models take forms without padding or kernels of a maker


@dataclasses.dataclass(frozen=True)
class Setup:
    """The parts of a run."""

    mesh: Mesh
    model: ReconstructionModel
    batch_fields: tuple[str, ...]  # optional ones that model and loss need
    init: Callable[[], Any]  # -> initial parameters
    create: Callable[[Any], TrainState]  # parameters -> the state, sharded over the mesh
    step: Any  # jitted (state, batch, learning rate) -> (state, metrics); the state is donated
    abstract_state: TrainState  # of shapes with shardings
    abstract_batch: dict[str, jax.ShapeDtypeStruct]  # a global batch
    batch_sharding: NamedSharding
    forward: Callable[[Any, Batch], jax.Array]  # (parameters, batch) -> loss, the plainest way

    @property
    def step_arguments(self) -> tuple[TrainState, dict[str, jax.ShapeDtypeStruct], Any]:
        """Shapes of what `step` takes."""
        return self.abstract_state, self.abstract_batch, jax.ShapeDtypeStruct((), "float32")

    def step_flops(self) -> float:
        """FLOPs that an update executes, with what rematerialization and padding add."""
        plain = inspect.unwrap(self.step)  # JAX does not trace compiler options within another
        return count_flops(plain, *self.step_arguments)

    def model_flops(self) -> float:
        """FLOPs of an update, by the convention of MFU: three times the forward pass's.

        Neither rematerialization counts nor the padding of a kernel.
        """
        return 3 * count_flops(self.forward, self.abstract_state.params, self.abstract_batch)


@dataclasses.dataclass(frozen=True)
class Parts:
    """The parts of a run that cost nothing: their fields fit together, and fit these devices."""

    mesh: Mesh
    micro_batches: int
    model: ReconstructionModel
    loss: Loss


def build_parts(config: ConfigDict, devices: Sequence[Any] | None = None) -> Parts:
    """Build the parts of a run that need no compilation; a UserError where they cannot work."""
    _refuse_float16(config.model)
    mesh = build_mesh(config.mesh, devices)
    return Parts(
        mesh=mesh,
        micro_batches=_count_micro_batches(config, mesh.shape["data"] * mesh.shape["fsdp"]),
        model=build_model(config.model),
        loss=build_loss(config.loss),
    )


def _refuse_float16(model: ConfigDict) -> None:
    for name, value in flatten_config(model).items():
        if value == "float16":
            raise UserError(
                f"config.model.{name}='float16' can reconstruct but not train, since it "
                "rounds small gradients to zero; use 'bfloat16'"
            )


def set_up(config: ConfigDict, devices: Sequence[Any] | None = None) -> Setup:
    """Build mesh, model, optimizer and step from a config, for `devices` (default: all).

    From here on JAX keeps compiled programs in `config.compilation_cache`, if it names a folder.
    """
    if config.compilation_cache:  # before anything is compiled: JAX looks for its cache once
        jax.config.update("jax_compilation_cache_dir", config.compilation_cache)
    parts = build_parts(config, devices)
    mesh, model, loss = parts.mesh, parts.model, parts.loss
    target = target_of(list(mesh.devices.flat))
    init_key, step_key = jax.random.split(jax.random.key(config.seed))
    fields = tuple(dict.fromkeys((*model.batch_fields(), *loss.batch_fields)))
    coils = max(maker.coils for maker in training_makers(config.data, fields))
    example = stack([empty_example(height_width(config.data.image_size), fields, coils)])
    init = jax.jit(
        lambda key: model.init({"params": key}, example, method="predict")["params"],
        compiler_options=compile_options.RUNS_ONCE,
    )
    rank = config.optimizer.lora_rank
    fixed = (*model.non_trainable, *(("^base/",) if rank else ()))

    def adapt(params: Any) -> Any:
        return add_adapters(params, rank, init_key) if rank else params

    params = jax.eval_shape(init, init_key)
    adapted = jax.eval_shape(adapt, params)
    optimizer = build_optimizer(config.optimizer, adapted, fixed)

    def create(params: Any) -> TrainState:
        return create_state(adapt(params), optimizer, config.optimizer.ema_decay > 0)

    state = jax.eval_shape(create, params)
    shardings, of_batch = state_shardings(mesh, state), batch_sharding(mesh)
    step = make_step(
        model,
        loss,
        optimizer,
        key=step_key,
        micro_batches=parts.micro_batches,
        ema_decay=config.optimizer.ema_decay,
        prepare=lambda params: merge_adapters(gather(params, shardings.params)),
    )

    def step_on_target(
        state: TrainState, batch: Batch, learning_rate: jax.typing.ArrayLike
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        with traced_for(target), jax.default_matmul_precision(config.matmul_precision):
            return step(state, batch, learning_rate)

    def forward(params: Any, batch: Batch) -> jax.Array:
        def apply(method: str) -> Any:
            variables = {"params": merge_adapters(params)}
            rngs = {"dropout": step_key, "masking": step_key}
            return model.apply(variables, batch, True, method=method, rngs=rngs)

        with traced_for(PLAIN):
            return loss(apply, batch)

    return Setup(
        mesh=mesh,
        model=model,
        batch_fields=fields,
        init=lambda: init(init_key),
        create=jax.jit(create, out_shardings=shardings),
        step=jax.jit(
            step_on_target,
            in_shardings=(shardings, of_batch, None),
            out_shardings=(shardings, None),
            donate_argnums=0,
            compiler_options=compile_options.training_step(target.platform, model.core_each),
        ),
        abstract_state=with_shardings(state, shardings),
        abstract_batch={
            name: jax.ShapeDtypeStruct(
                (config.global_batch_size, *value.shape[1:]), value.dtype, sharding=of_batch
            )
            for name, value in example.items()
        },
        batch_sharding=of_batch,
        forward=forward,
    )


def _count_micro_batches(config: ConfigDict, devices: int) -> int:
    """The number of micro-batches of a batch that is sharded over `devices` devices."""
    if config.global_batch_size % devices:
        raise UserError(
            f"config.global_batch_size={config.global_batch_size} cannot be divided among "
            f"{devices} devices (mesh {config.mesh!r})"
        )
    of_device, size = config.global_batch_size // devices, config.optimizer.micro_batch_size
    if not size or size >= of_device:
        return 1
    if of_device % size:
        raise UserError(
            f"config.optimizer.micro_batch_size={size} does not divide the {of_device} images "
            "that each device has in an update"
        )
    return of_device // size
