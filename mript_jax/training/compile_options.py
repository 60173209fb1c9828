"""Options of XLA for the functions of a training, given to `jax.jit`."""

import functools

import jax

RUNS_ONCE = {"xla_backend_optimization_level": 0}  # compiles faster

# Without what XLA hands to its YNNPACK library on CPUs: with it steps take longer on several cores
# and load more slowly from the compilation cache (docs/mript_performance.md). Where each core has
# examples of its own they take 0.6 to 0.7 of the time with it.
_WITHOUT_YNNPACK = {"xla_cpu_experimental_ynn_fusion_type": ""}


@functools.cache
def training_step(platform: str, core_each: bool) -> dict[str, str]:
    """Options with which a model's training step is fastest on a platform: cpu, gpu or tpu."""
    if platform != "cpu" or core_each:
        return {}
    try:
        jax.jit(lambda: 0, compiler_options=_WITHOUT_YNNPACK).lower().compile()
    except jax.errors.JaxRuntimeError:  # another version of XLA does not know the option
        return {}
    return _WITHOUT_YNNPACK
