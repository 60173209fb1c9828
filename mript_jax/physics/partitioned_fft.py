"""Discrete Fourier transform that stays on the device of each example of a sharded batch.

XLA gathers the whole batch on every device before a transform. This one is a JAX operation of its
own, which is partitioned along all axes but those that it transforms. TPUs' compiler has no such
operations (https://github.com/jax-ml/jax/issues/38196): there it is a matrix product for each axis.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax._src import dispatch
from jax.experimental.custom_partitioning import custom_partitioning
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P


def partitioned_fft(x: jax.Array, axes: tuple[int, ...], inverse: bool = False) -> jax.Array:
    """The orthonormal transform over some axes, real or complex [...] -> complex [...]."""
    x = jnp.asarray(x)
    if not jnp.iscomplexobj(x):
        x = jax.lax.complex(*(y.astype(jnp.result_type(x, jnp.float32)) for y in (x, 0 * x)))
    axes = tuple(axis % x.ndim for axis in axes)
    transformed: jax.Array = _fft.bind(x, axes=axes, inverse=inverse)
    return transformed * math.prod(x.shape[axis] for axis in axes) ** (0.5 if inverse else -0.5)


def _local_fft(x: jax.Array, axes: tuple[int, ...], inverse: bool) -> jax.Array:
    """The transform with NumPy's factors, which need no constant inside."""
    return jnp.fft.ifftn(x, axes=axes) if inverse else jnp.fft.fftn(x, axes=axes)


def fft_by_products(x: jax.Array, axes: tuple[int, ...], inverse: bool) -> jax.Array:
    """`_local_fft` by the matrix of each axis: XLA partitions products as it should."""
    for axis in axes:
        n = x.shape[axis]
        turns = np.outer(np.arange(n), np.arange(n)) % n / n
        matrix = np.exp((2j if inverse else -2j) * np.pi * turns) / (n if inverse else 1)
        product = jnp.tensordot(x, matrix.astype(x.dtype), (axis, 0), precision="highest")
        x = jnp.moveaxis(product, -1, axis)
    return x


def _sharding(spec: Any, rank: int, axes: tuple[int, ...]) -> P:
    """A sharding whose transformed axes are not cut."""
    padded = (*spec, *(None,) * (rank - len(spec)))
    return P(*(None if i in axes else name for i, name in enumerate(padded)))


def _partition(
    axes: tuple[int, ...], inverse: bool, mesh: Any, arguments: Any, result: Any
) -> tuple:
    (argument,) = arguments
    spec = _sharding(argument.sharding.spec, len(argument.shape), axes)
    sharding = NamedSharding(argument.sharding.mesh, spec)
    return mesh, lambda x: _local_fft(x, axes, inverse), sharding, (sharding,)


def _rule(axes: tuple[int, ...], inverse: bool, mesh: Any, arguments: Any, results: Any) -> tuple:
    """The rule for JAX's partitioner: the same axes in and out, the transformed ones replicated."""
    names = [f"a{i}" for i in range(len(arguments[0].shape))]
    each = " ".join(names)
    return f"{each} -> {each}", {"need_replication_factors": tuple(names[i] for i in axes)}


_partitioned = custom_partitioning(_local_fft, static_argnums=(1, 2))
_partitioned.def_partition(partition=_partition, sharding_rule=_rule)


def _bind_transposed(cotangent: Any, *_: Any, axes: tuple[int, ...], inverse: bool) -> list[Any]:
    """The transform is symmetric: its transpose is itself."""
    return [_fft.bind(cotangent, axes=axes, inverse=inverse)]


def _batched(
    arguments: Any, batch_axes: Any, *, axes: tuple[int, ...], inverse: bool
) -> tuple[Any, int]:
    x = jnp.moveaxis(arguments[0], batch_axes[0], 0)
    return _fft.bind(x, axes=tuple(axis + 1 for axis in axes), inverse=inverse), 0


_fft = Primitive("partitioned_fft")
dispatch.prim_requires_devices_during_lowering.add(_fft)  # as custom_partitioning's own does
_fft.def_impl(jax.jit(_local_fft, static_argnames=("axes", "inverse")))
_fft.def_abstract_eval(lambda x, axes, inverse: x)
ad.deflinear2(_fft, _bind_transposed)
batching.primitive_batchers[_fft] = _batched
mlir.register_lowering(_fft, mlir.lower_fun(_partitioned, multiple_results=False))
mlir.register_lowering(_fft, mlir.lower_fun(fft_by_products, multiple_results=False), "tpu")
