"""Recognition of masks, images and coils from their numbers alone."""

from mript_jax.public import public_names

__all__, __getattr__ = public_names(
    __name__,
    {
        "mask": "RecognizedMask recognize_kspace recognize_mask",
        "image": "recognize_image",
        "coils": "looks_like_coils",
    },
)
