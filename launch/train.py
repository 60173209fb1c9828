"""`mript train`, from a checkout: see mript_jax/commands/train.py."""

from mript_jax.commands import train

if __name__ == "__main__":
    train.run("python launch/train.py")
