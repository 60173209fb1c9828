"""`mript reconstruct`, from a checkout: see mript_jax/commands/reconstruct.py."""

from mript_jax.commands import reconstruct

if __name__ == "__main__":
    reconstruct.run("python launch/reconstruct.py")
