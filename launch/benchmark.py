"""`mript benchmark`, from a checkout: see mript_jax/commands/benchmark.py."""

from mript_jax.commands import benchmark

if __name__ == "__main__":
    benchmark.run("python launch/benchmark.py")
