"""Training: from a config to checkpoints."""

from mript_jax.public import public_names

__all__, __getattr__ = public_names(
    __name__,
    {
        "loop": "train",
        "setup": "Setup set_up",
        "step": "make_step",
        "losses": "LOSSES build_loss",
        "optimizer": "build_optimizer",
        "sharding": "build_mesh",
        "state": "TrainState create_state",
        "estimate": "Estimate",
        "finetune": "initialize_from",
    },
)
