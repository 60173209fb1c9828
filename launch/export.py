"""`mript export`, from a checkout: see mript_jax/commands/export.py."""

from mript_jax.commands import export

if __name__ == "__main__":
    export.run("python launch/export.py")
