"""Sharding: the mesh of devices, and rules from parameter names to its axes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from mript_jax.errors import UserError, unknown_name_error

AXES = ("data", "fsdp", "model")

# Parameter name -> sharding of its last axes, by the first rule that matches. An axis that cannot
# be divided evenly is not sharded, nor are leading axes (stacked blocks or heads).
RULES: tuple[tuple[str, P], ...] = (
    (r"patch_embed/proj/kernel$", P("fsdp", None)),  # "model" would cut the image's features
    (r"(qkv|dense_in|query|key|value)/kernel$", P("fsdp", "model")),
    (r"(proj|dense_out|out)/kernel$", P("model", "fsdp")),
    (r"(qkv|dense_in)/bias$", P("model")),
    (r"kernel$", P("fsdp", None)),
    (r"position", P(None, None, "fsdp")),
    (r".*", P()),
)


def build_mesh(spec: str, devices: Sequence[Any] | None = None) -> Mesh:
    """Build the mesh of a string such as "data:-1" or "data:2,fsdp:4" (-1: remaining devices)."""
    devices = jax.devices() if devices is None else devices
    sizes = dict.fromkeys(AXES, 1)
    for part in spec.split(","):
        name, _, count = part.strip().partition(":")
        if name not in AXES:
            raise unknown_name_error("mesh axis", name, AXES)
        if not re.fullmatch(r"-1|[1-9]\d*", count):
            raise UserError(f"config.mesh={spec!r}: {name} needs a count such as {name}:2 or -1")
        sizes[name] = int(count)
    open_axes = [name for name, size in sizes.items() if size == -1]
    fixed = 1
    for size in sizes.values():
        fixed *= max(size, 1)
    if len(open_axes) > 1:
        raise UserError(f"config.mesh={spec!r}: only one axis can be -1")
    if open_axes and len(devices) % fixed == 0:
        sizes[open_axes[0]] = len(devices) // fixed
        fixed = len(devices)
    if fixed != len(devices):
        raise UserError(f"config.mesh={spec!r} does not make {len(devices)} devices")
    return jax.make_mesh(
        tuple(sizes.values()), AXES, axis_types=(AxisType.Auto,) * len(AXES), devices=devices
    )


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """The sharding of a batch: examples over the data and fsdp axes."""
    return NamedSharding(mesh, P(("data", "fsdp")))


def process_part(sharding: NamedSharding, batch_size: int) -> tuple[int, int]:
    """Index of the part of a batch that this process loads, and the number of parts.

    Processes whose devices have the same examples (along "model") load the same part.
    """
    rows: dict[int, set[int]] = {}
    places: Mapping[Any, Any] = sharding.devices_indices_map((batch_size,))
    for device, (index, *_) in places.items():
        rows.setdefault(device.process_index, set()).add(index.start or 0)
    parts = sorted({tuple(sorted(of_process)) for of_process in rows.values()})
    if sum(map(len, parts)) > len(set().union(*parts)):
        raise UserError(
            f"config.mesh: {sharding.mesh} cuts the batch across processes; let the model axis "
            "divide, or be a multiple of, the devices of a process"
        )
    return parts.index(tuple(sorted(rows[jax.process_index()]))), len(parts)


def state_shardings(mesh: Mesh, abstract_state: Any) -> Any:
    """The sharding of each array of a state, by its name."""
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: NamedSharding(mesh, _spec(mesh, path_name(path), leaf.shape)),
        abstract_state,
    )


def gather(params: Any, shardings: Any) -> Any:
    """Gather weights along fsdp before their use in a step, since examples are sharded over it.

    Without this constraint the compiler reshards the activations at each layer instead.
    """

    def whole(leaf: Any, sharding: NamedSharding) -> Any:
        spec = P(*(None if axis == "fsdp" else axis for axis in sharding.spec))
        return jax.lax.with_sharding_constraint(leaf, NamedSharding(sharding.mesh, spec))

    return jax.tree.map(whole, params, shardings)


def with_shardings(abstract: Any, shardings: Any) -> Any:
    """Shapes with shardings, into which a checkpoint is restored."""
    return jax.tree.map(
        lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
        abstract,
        shardings,
    )


def path_name(path: tuple) -> str:
    """A parameter's name, such as encoder/block_0/attention/qkv/kernel."""
    return "/".join(str(getattr(k, "key", getattr(k, "name", getattr(k, "idx", k)))) for k in path)


def _spec(mesh: Mesh, name: str, shape: tuple[int, ...]) -> P:
    rule = next(spec for pattern, spec in RULES if re.search(pattern, name))
    if len(shape) < len(rule):
        return P()
    axes = (None,) * (len(shape) - len(rule)) + tuple(rule)
    return P(
        *(
            axis if axis is not None and size % mesh.shape[axis] == 0 else None
            for size, axis in zip(shape, axes, strict=True)
        )
    )
