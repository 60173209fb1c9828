"""mript_jax: transformers that reconstruct accelerated MRI, in JAX."""

__version__ = "0.1.0"


def load(checkpoint):
    """A checkpoint as a callable: `recon(kspace or zero-filled image, mask=None) -> image`."""
    from mript_jax.inference.reconstruction import load as load_reconstruction

    return load_reconstruction(checkpoint)
