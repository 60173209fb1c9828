"""From files and generated objects to batches."""

from mript_jax.public import public_names

__all__, __getattr__ = public_names(
    __name__,
    {
        "records": "BrokenRecord Record",
        "transforms": "ExampleMaker volume_seed",
        "pipeline": "Pipeline build_pipeline evaluation_batches open_split",
        "measured": "measured_batches",
        "simulation": "Scan simulate",
        "splits": "select_split",
    },
)
