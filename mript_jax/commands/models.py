"""Lists the models that --checkpoint takes by name: of the package, and of $MRIPT_MODELS.

mript models

MRIPT_MODELS is a JSON file of further models: for each name file (beside it), about, size in bytes,
sha256, licence and card. `mript convert --to=weights` writes such a file of weights.
"""

from mript_jax import cli

HASH_DIGITS = 12


def run(program: str) -> None:
    cli.run(main, cli.no_flags, __doc__, program)


def main() -> None:
    from mript_jax.pretrained import pretrained_models

    for name, model in pretrained_models().items():
        print(f"{name}: {model.about}")
        size, digest = model.size / 2**20, model.sha256[:HASH_DIGITS]
        print(f"    {size:.1f} MiB, sha256 {digest}, {model.licence}")
        print(f"    {model.card}")
