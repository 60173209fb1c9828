"""Inference of the paper's model and of the unrolled one: latency and images/s by batch size."""

from typing import Any

import jax

from mript_jax.benchmarks.accelerator_training import TOY, model_inputs, random_values
from mript_jax.benchmarks.energy import energy_meter, joules_per_call
from mript_jax.benchmarks.timing import compile_cost, seconds_per_call
from mript_jax.config import load_config_file


def measure(toy: bool) -> list[dict[str, Any]]:
    rows = []
    for name in TOY:
        config = load_config_file(name).unlock()
        if toy:
            config.update_from_flattened_dict(TOY[name])
        counts = (1, 2) if toy else (1, 8, 16, 64)
        model, batch, shapes = model_inputs(config, max(counts))
        params = random_values(shapes)

        def predict(params: Any, batch: Any, model: Any = model) -> Any:
            return model.apply({"params": params}, batch, method="predict")

        for count in counts:
            part = jax.device_put({name: value[:count] for name, value in batch.items()})
            compiled, seconds, memory = compile_cost(predict, params, part)
            of_call = seconds_per_call(compiled, params, part, repeats=2 if toy else 10)
            row = {
                "model": name,
                "batch": count,
                "latency (ms)": 1e3 * of_call,
                "images/s": count / of_call,
                "memory (GB)": memory / 1e9,
                "compile (s)": seconds,
            }
            if meter := energy_meter():
                row["J/image"] = joules_per_call(meter, compiled, params, part) / count
            rows.append(row)
    return rows
