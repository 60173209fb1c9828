"""`mript doctor`, from a checkout: see mript_jax/commands/doctor.py."""

from mript_jax.commands import doctor

if __name__ == "__main__":
    doctor.run("python launch/doctor.py")
