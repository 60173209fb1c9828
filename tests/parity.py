"""Comparison of a model with stored outputs of a public code: tests/golden/."""

import json
from functools import partial

import jax
import numpy as np
from flax import traverse_util


class Golden:
    """A golden file: its config, tensors by group, images with channels last."""

    def __init__(self, stored):
        self.stored = stored
        self.config = json.loads(str(stored["config"]))
        self.state_dict = self.group("param")

    def __getitem__(self, name):
        value = self.stored[name]
        return np.moveaxis(value, 1, -1) if value.ndim == 4 else value

    def group(self, prefix):
        names = [n for n in self.stored.files if n.startswith(f"{prefix}/")]
        return {n.removeprefix(f"{prefix}/"): self.stored[n] for n in names}


def relative_error(actual, expected):
    assert np.shape(actual) == np.shape(expected)
    return float(np.abs(np.asarray(actual) - expected).max() / np.abs(expected).max())


def assert_close(actual, expected, relative=1e-4):
    error = relative_error(actual, expected)
    assert error <= relative, error


def intermediates(model, params, *inputs):
    """Output of each submodule, by name."""
    apply = partial(model.apply, capture_intermediates=True, mutable=["intermediates"])
    _, state = jax.jit(apply)({"params": params}, *inputs)
    outputs = traverse_util.flatten_dict(state["intermediates"], sep="/")
    return {name.removesuffix("/__call__"): value[0] for name, value in outputs.items()}


def assert_gradients(gradient, expected, table, relative=1e-3):
    """Compare our gradient with the public code's, tensor by tensor, through the name table."""
    assert expected
    gradient = traverse_util.flatten_dict(jax.device_get(gradient), sep="/")
    for name, theirs in expected.items():
        ours = table[name].to_theirs(gradient[table[name].ours])
        assert_close(ours, theirs, relative)
