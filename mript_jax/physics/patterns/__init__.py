"""Sampling patterns: functions that draw a mask; the table of them is `physics.masks.PATTERNS`.

CONTRIBUTING.md lists what a new one needs.
"""

from mript_jax.public import public_names

__all__, __getattr__ = public_names(
    __name__,
    {
        "cartesian": "cartesian_equispaced cartesian_random",
        "fastmri": "equidistant fastmri_equispaced fastmri_magic fastmri_magic_fraction "
        "fastmri_random",
        "gaussian": "gaussian_1d gaussian_2d",
        "lattice": "caipi",
        "poisson": "poisson_disc",
        "trajectories": "radial spiral",
    },
)
