"""Floating point operations of a function: those of matrix products and convolutions."""

import math
from collections.abc import Callable
from typing import Any

import jax
from jax.extend.core import Jaxpr

# Dense half-precision peak of a device in FLOP/s, from the makers' data sheets.
PEAK = {
    "V100": 125e12,
    "A100": 312e12,
    "L4": 121e12,
    "L40S": 362e12,
    "H100": 989e12,
    "H200": 989e12,
    "B200": 2250e12,
    "TPU v3": 123e12,
    "TPU v4": 275e12,
    "TPU v5 lite": 197e12,
    "TPU v5p": 459e12,
    "TPU v6": 918e12,
}


def count_flops(function: Callable, *arguments: Any) -> float:
    """Count 2 for each multiplication with its addition; loops count each iteration.

    Arguments may be shapes. Rematerialized operations count each time they are computed.
    """
    return _of_jaxpr(jax.make_jaxpr(function)(*arguments).jaxpr)


def peak_flops() -> float | None:
    """Peak FLOP/s of all devices together; None for an unknown kind."""
    kind = jax.devices()[0].device_kind
    names = [name for name in PEAK if name in kind]
    return PEAK[max(names, key=len)] * jax.device_count() if names else None


def _of_jaxpr(jaxpr: Jaxpr) -> float:
    total = 0.0
    for equation in jaxpr.eqns:
        name, parameters = equation.primitive.name, equation.params
        if name == "dot_general":
            (contracted, _), _ = parameters["dimension_numbers"]
            shape = _shape(equation.invars[0])
            inner = math.prod(shape[axis] for axis in contracted)
            total += 2 * math.prod(_shape(equation.outvars[0])) * inner
        elif name == "conv_general_dilated":
            kernel = _shape(equation.invars[1])
            features = kernel[parameters["dimension_numbers"].rhs_spec[0]]
            total += 2 * math.prod(_shape(equation.outvars[0])) * math.prod(kernel) / features
        elif name == "cond":
            total += max(_of_jaxpr(branch.jaxpr) for branch in parameters["branches"])
        else:
            inner = sum(_of_jaxpr(sub) for sub in _inside(parameters))
            total += inner * (parameters["length"] if name == "scan" else 1)
    return total


def _shape(variable: Any) -> tuple[int, ...]:
    return variable.aval.shape


def _inside(parameters: dict[str, Any]) -> list[Jaxpr]:
    found = [getattr(value, "jaxpr", value) for value in parameters.values()]
    return [value for value in found if isinstance(value, Jaxpr)]
