"""Metrics, protocols, baselines and the report."""

from mript_jax.public import public_names

__all__, __getattr__ = public_names(
    __name__,
    {
        "metrics": "hfen nmse psnr ssim",
        "protocols": "PROTOCOLS Protocol get_protocol",
        "evaluate": "Method SliceResult evaluate_tasks",
        "results": "Results make_results",
        "unseen": "check_unseen",
    },
)
