"""`mript make_phantoms`, from a checkout: see mript_jax/commands/make_phantoms.py."""

from mript_jax.commands import make_phantoms

if __name__ == "__main__":
    make_phantoms.run("python launch/make_phantoms.py")
