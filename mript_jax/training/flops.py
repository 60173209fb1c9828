"""Floating point operations of a function: those of matrix products and convolutions."""

import math
from collections.abc import Callable
from typing import Any

import jax
from jax.extend.core import Jaxpr

# Products of scores' size in cuDNN's attention, with the head size of q and with that of v.
FLASH = {
    "dot_product_attention_fwd_wrapper": (1, 1),
    "dot_product_attention_bwd_wrapper": (3, 2),
}


def count_flops(function: Callable, *arguments: Any) -> float:
    """Count 2 for each multiplication with its addition; loops count each iteration.

    Arguments may be shapes. Rematerialized operations count each time they are computed, and so
    does the padding of flash attention's heads.
    """
    return _of_jaxpr(jax.make_jaxpr(function)(*arguments).jaxpr)


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
        elif name in FLASH:
            q, v = _shape(equation.invars[0]), _shape(equation.invars[2])  # [B, N, H, d]
            of_q, of_v = FLASH[name]
            scores = q[0] * q[2] * q[1] * v[1]
            total += 2 * scores * (of_q * q[-1] + of_v * v[-1])
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
