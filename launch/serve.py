"""`mript serve`, from a checkout: see mript_jax/commands/serve.py."""

from mript_jax.commands import serve

if __name__ == "__main__":
    serve.run("python launch/serve.py")
