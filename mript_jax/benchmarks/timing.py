"""Timing and memory of compiled functions."""

import time
from collections.abc import Callable
from typing import Any

import jax


def compile_cost(
    function: Callable, *arguments: Any, options: dict[str, Any] | None = None
) -> tuple[Any, float, float]:
    """Return (compiled, seconds to compile, bytes of temporary memory); shapes suffice."""
    start = time.perf_counter()
    compiled = jax.jit(function, compiler_options=options).lower(*arguments).compile()
    seconds = time.perf_counter() - start
    analysis: Any = compiled.memory_analysis()
    return compiled, seconds, analysis.temp_size_in_bytes


def seconds_per_call(function: Callable, *arguments: Any, repeats: int = 5) -> float:
    """Seconds of the fastest of several calls, after a warm-up call."""
    jax.block_until_ready(function(*arguments))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        times.append(time.perf_counter() - start)
    return min(times)
