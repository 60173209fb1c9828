"""`mript evaluate`, from a checkout: see mript_jax/commands/evaluate.py."""

from mript_jax.commands import evaluate

if __name__ == "__main__":
    evaluate.run("python launch/evaluate.py")
