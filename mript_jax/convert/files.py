"""State dicts in files: .pt, .pth and .ckpt through PyTorch, .npz and .safetensors without it."""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from mript_jax.errors import UserError, unknown_name_error

# Keys of the weights in files that also hold the state of the optimizer.
TORCH = (".pt", ".pth", ".ckpt")
WRAPPED = ("model_state_dict", "state_dict", "model")


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """Read the tensors of a file, by name."""
    path = Path(path)
    if path.suffix not in READERS:
        raise unknown_name_error(f"kind of weight file ({path.name})", path.suffix, READERS)
    state_dict = READERS[path.suffix](path)
    if not state_dict:
        raise UserError(f"{path} holds no tensors")
    return state_dict


def write_state_dict(
    path: str | Path, state_dict: Mapping[str, np.ndarray], key: str = WRAPPED[0]
) -> None:
    """Write tensors in the format of the file's suffix.

    PyTorch's files hold them under a key; with key="" they hold nothing else.
    """
    path = Path(path)
    if path.suffix not in (*TORCH, *WRITERS):
        raise unknown_name_error(f"kind of weight file ({path.name})", path.suffix, READERS)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in TORCH:
        _write_torch(path, dict(state_dict), key)
    else:
        WRITERS[path.suffix](path, dict(state_dict))


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    torch = _import_torch(path)
    try:
        # Only tensors and plain containers: pickled code is refused, never run.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).split(".")[0]
        raise UserError(f"{path} cannot be loaded as weights alone: {reason}") from error
    if isinstance(content, Mapping):
        content = next((content[name] for name in WRAPPED if name in content), content)
    tensors = isinstance(content, Mapping) and all(map(torch.is_tensor, content.values()))
    if not tensors:
        raise UserError(f"{path} holds neither a state dict nor one under {', '.join(WRAPPED)}")
    return {name: tensor.float().numpy() for name, tensor in content.items()}


def _write_torch(path: Path, state_dict: dict[str, np.ndarray], key: str) -> None:
    torch = _import_torch(path)
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in state_dict.items()}
    torch.save({key: tensors} if key else tensors, path)


def _import_torch(path: Path):
    try:
        import torch
    except ImportError as error:
        raise UserError(
            f"{path} needs PyTorch (pip install 'mript_jax[convert]'); .npz and .safetensors do not"
        ) from error
    return torch


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, EOFError, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise UserError(f"{path} is not an .npz file of arrays: {error}") from error


def _write_npz(path: Path, state_dict: dict[str, Any]) -> None:
    np.savez(path, **state_dict)


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path} is not a safetensors file: {error}") from error
    return {name: np.asarray(value, np.float32) for name, value in tensors.items()}


def _write_safetensors(path: Path, state_dict: dict[str, np.ndarray]) -> None:
    arrays = {name: np.ascontiguousarray(value) for name, value in state_dict.items()}
    save_file(arrays, path)


READERS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
    **dict.fromkeys(TORCH, _read_torch),
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
}
WRITERS: dict[str, Callable[[Path, dict[str, np.ndarray]], None]] = {
    ".npz": _write_npz,
    ".safetensors": _write_safetensors,
}
