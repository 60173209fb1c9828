"""`mript prepare`, from a checkout: see mript_jax/commands/prepare.py."""

from mript_jax.commands import prepare

if __name__ == "__main__":
    prepare.run("python launch/prepare_data.py")
