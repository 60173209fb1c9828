"""`mript study`, from a checkout: see mript_jax/commands/study.py."""

from mript_jax.commands import study

if __name__ == "__main__":
    study.run("python launch/study.py")
