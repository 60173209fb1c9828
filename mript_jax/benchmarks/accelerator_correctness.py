"""Largest error of this device against the CPU's float32, for each form of attention and heads."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mript_jax.models.biased_attention import FORMS, biased_attention
from mript_jax.models.task_conv import conv_sequential, conv_shifted_matmul
from mript_jax.physics.fourier import fft2c, ifft2c

TOLERANCE = {"float32": 1e-4, "bfloat16": 5e-2}  # of the largest value


def measure(toy: bool) -> list[dict[str, Any]]:
    """A row for each form, grid and dtype, of the value and of the gradient."""
    grids = (8,) if toy else (14, 56)
    rows = []
    for grid in grids:
        heads = 2 if toy else 16
        sizes = (64, 64, 64, grid, grid)
        arguments = [_draw((1, grid * grid, heads, n), seed=n) for n in sizes]
        for form in ("auto", *FORMS):

            def attend(*arguments: jax.Array, form: str = form) -> jax.Array:
                q, k, v, rows, columns = arguments
                return biased_attention(q, k, v, rows, columns=columns, form=form)

            rows += _rows(f"attention {form}, {grid} x {grid}", attend, arguments)
    images, kernels = _draw((2, 32, 32, 16)), _draw((2, 5, 5, 16, 16))
    for name, conv in (("loop", conv_sequential), ("products", conv_shifted_matmul)):
        rows += _rows(f"heads as {name}", conv, [images, 0.1 * kernels])

    def there_and_back(image: jax.Array) -> jax.Array:
        return jnp.abs(ifft2c(jnp.square(fft2c(image))))

    rows += _rows("Fourier transform", there_and_back, [_draw((2, 320, 320))], ("float32",))
    wrong = [row["what"] for row in rows if not row["within tolerance"]]
    print(f"outside of tolerance: {', '.join(wrong) or 'none'}")
    return rows


def _rows(
    what: str,
    function: Callable[..., jax.Array],
    arguments: list[np.ndarray],
    dtypes: tuple[str, ...] = ("float32", "bfloat16"),
) -> list[dict[str, Any]]:
    def value_and_gradient(*arguments: jax.Array) -> tuple[jax.Array, Any]:
        def total(*arguments: jax.Array) -> jax.Array:
            return jnp.sum(jnp.sin(function(*arguments).astype(jnp.float32)))

        return function(*arguments), jax.grad(total, tuple(range(len(arguments))))(*arguments)

    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        expected = jax.device_get(_highest(value_and_gradient)(*map(jnp.asarray, arguments)))
    rows = []
    for dtype in dtypes:
        given = [jnp.asarray(x, dtype) for x in arguments]
        found = jax.device_get(_highest(value_and_gradient)(*given))
        errors = [
            max(_error(a, b) for a, b in zip(*map(jax.tree.leaves, pair), strict=True))
            for pair in zip(found, expected, strict=True)
        ]
        rows.append(
            {
                "what": what,
                "dtype": dtype,
                "error": errors[0],
                "error of gradient": errors[1],
                "within tolerance": max(errors) < TOLERANCE[dtype],
            }
        )
    return rows


def _highest(function: Callable) -> Callable:
    jitted = jax.jit(function)

    def run(*arguments: jax.Array) -> Any:
        with jax.default_matmul_precision("highest"):
            return jitted(*arguments)

    return run


def _error(found: Any, expected: Any) -> float:
    difference = np.abs(np.asarray(found, np.float32) - expected).max()
    return float(difference / max(np.abs(expected).max(), 1e-12))


def _draw(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
