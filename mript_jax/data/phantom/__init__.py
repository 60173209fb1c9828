"""Generated anatomy."""

from mript_jax.public import public_names

__all__, __getattr__ = public_names(
    __name__,
    {
        "slices": "make_slice",
        "source": "PhantomSource",
        "volume": "coil_sensitivities write_fastmri_h5",
    },
)
