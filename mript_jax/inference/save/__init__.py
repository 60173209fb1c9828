"""Reconstructed volumes as files: `save_volume(folder, result, ("h5", "nifti"))`.

One module a format; FORMATS names them.
"""

from mript_jax.public import public_names

__all__, __getattr__ = public_names(__name__, {"volume": "FORMATS check_formats save_volume"})
