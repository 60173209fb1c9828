"""`mript get-phantom`, from a checkout: see mript_jax/commands/get_phantom.py."""

from mript_jax.commands import get_phantom

if __name__ == "__main__":
    get_phantom.run("python launch/get_phantom.py")
