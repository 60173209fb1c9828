"""Lists the models that come with the package; --checkpoint takes their names.

mript models
"""

from mript_jax import cli


def run(program: str) -> None:
    cli.run(main, cli.no_flags, __doc__, program)


def main() -> None:
    from mript_jax.pretrained import PRETRAINED

    for name, model in PRETRAINED.items():
        size = model.path(name).stat().st_size / 2**20
        print(f"{name}: {model.about} ({size:.1f} MiB, {model.licence}; {model.card})")
