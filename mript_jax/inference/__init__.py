"""Checkpoints as functions of scans, and as files that run elsewhere."""

from mript_jax.public import public_names

__all__, __getattr__ = public_names(
    __name__,
    {
        "reconstruction": "Reconstruction load",
        "volumes": "ReconstructedVolume Trust iterate_volumes",
        "pipeline": "reconstruct_volume",
        "methods": "UNTRAINED build_methods network_method",
        "provenance": "Provenance checkpoint_provenance",
        "save.volume": "FORMATS save_volume",
        "export": "export_model load_exported",
    },
)
