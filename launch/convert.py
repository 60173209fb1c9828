"""`mript convert`, from a checkout: see mript_jax/commands/convert.py."""

from mript_jax.commands import convert

if __name__ == "__main__":
    convert.run("python launch/convert.py")
