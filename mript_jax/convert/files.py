"""State dicts in files: .pt, .pth and .ckpt through PyTorch, .npz and .safetensors without it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from mript_jax.errors import UserError, unknown_name_error
from mript_jax.zip_files import read_npz

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
    except Exception as error:  # a damaged file makes PyTorch raise all kinds
        reason = str(error).split(".")[0]
        raise UserError(f"{path} cannot be loaded as weights alone: {reason}") from error
    if isinstance(content, Mapping):
        content = next((content[name] for name in WRAPPED if name in content), content)
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and torch.is_tensor(value) for name, value in content.items()
    ):
        raise UserError(f"{path} holds neither a state dict nor one under {', '.join(WRAPPED)}")
    return {name: _array_of(path, name, tensor) for name, tensor in content.items()}


def _array_of(path: Path, name: str, tensor: Any) -> np.ndarray:
    try:
        if tensor.numel() > tensor.untyped_storage().nbytes():
            raise ValueError("it claims more numbers than the file holds")
        return tensor.float().numpy()
    except Exception as error:  # sparse, quantized or without memory of its own
        raise UserError(f"{path}: the tensor {name} cannot be read: {error}") from error


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
        return read_npz(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # of damaged zip, header or data: all kinds
        raise UserError(f"{path} is not an .npz file of arrays: {error}") from error


def _write_npz(path: Path, state_dict: dict[str, Any]) -> None:
    np.savez(path, **state_dict)


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    try:
        tensors = load_file(path)
        return {name: np.asarray(value, np.float32) for name, value in tensors.items()}
    except (SafetensorError, ValueError, TypeError, KeyError) as error:  # or an unknown dtype
        raise UserError(f"{path} is not a safetensors file: {error}") from error


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
