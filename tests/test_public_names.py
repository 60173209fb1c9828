"""The front page of every package: its public names."""

import importlib
import pkgutil

import pytest

import mript_jax

PACKAGES = [
    module.name
    for module in pkgutil.walk_packages(mript_jax.__path__, "mript_jax.")
    if module.ispkg and not module.name.startswith("mript_jax.configs")
]


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_of_a_package_exist(package):
    module = importlib.import_module(package)
    assert module.__doc__ and module.__all__
    for name in module.__all__:
        if package != "mript_jax.commands":  # whose names are its modules
            assert getattr(module, name) is not None


def test_names_that_do_not_exist_are_attribute_errors():
    with pytest.raises(AttributeError, match="fft3"):
        _ = importlib.import_module("mript_jax.physics").fft3
