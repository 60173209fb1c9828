"""The commands of `mript`, one a module: `mript NAME --flag=value` does."""

__all__ = [
    "benchmark",
    "convert",
    "doctor",
    "evaluate",
    "export",
    "finetune",
    "get_phantom",
    "main",
    "make_phantoms",
    "prepare",
    "reconstruct",
    "serve",
    "study",
    "train",
]
