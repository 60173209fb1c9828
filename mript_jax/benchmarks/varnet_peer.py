"""Timing of fastMRI's VarNet in PyTorch: accelerator_peers.py runs this file.

Arguments: a folder to import fastmri from (or ""), the sizes as JSON, volumes in a batch,
repetitions, and JAX's backend. The U-Nets get the number of channels with which the network comes
nearest to the given number of parameters.
"""

import importlib.util
import json
import sys
import time
from unittest import mock

CHANNELS = range(4, 65, 2)
# Packages of fastMRI's readers, which importing its models imports too.
NOT_NEEDED = ("h5py", "pandas", "requests", "tqdm", "yaml")


def main(folder: str, sizes: dict, batch: int, repeats: int, backend: str) -> dict:
    import torch

    if folder:
        sys.path.insert(0, folder)
    for name in NOT_NEEDED:
        if not importlib.util.find_spec(name):
            sys.modules[name] = mock.MagicMock()
    from fastmri.models import VarNet

    device = "cuda" if backend == "gpu" else "cpu"
    (height, width), coils = sizes["image_size"], sizes["coils"]
    pools = min(4, min(height, width).bit_length() - 4)

    def build(channels: int) -> torch.nn.Module:
        with torch.device("meta"):
            return VarNet(
                sizes["cascades"], sens_chans=8, sens_pools=pools, chans=channels, pools=pools
            )

    def count(model: torch.nn.Module) -> int:
        return sum(p.numel() for p in model.parameters())

    channels = min(CHANNELS, key=lambda n: abs(count(build(n)) - sizes["parameters"]))
    model = build(channels).to_empty(device=device)
    for p in model.parameters():
        torch.nn.init.uniform_(p, -0.01, 0.01)
    kspace = torch.rand((batch, coils, height, width, 2), device=device)
    mask = torch.zeros((batch, 1, 1, width, 1), dtype=torch.bool, device=device)
    mask[..., ::4, :] = True
    mask[..., width // 2 - 4 : width // 2 + 4, :] = True

    def reconstruct() -> None:
        with torch.no_grad():
            model(kspace * mask, mask)

    def train() -> None:
        model.zero_grad()
        model(kspace * mask, mask).mean().backward()

    def seconds(function) -> float:
        times = []
        for _ in range(repeats + 1):
            began = time.perf_counter()
            function()
            if device == "cuda":
                torch.cuda.synchronize()  # calls return before the GPU has finished
            times.append(time.perf_counter() - began)
        return min(times[1:])

    return {
        "parameters (M)": count(model) / 1e6,
        "images/s": batch / seconds(reconstruct),
        "trained images/s": batch / seconds(train),
    }


if __name__ == "__main__":
    folder, sizes, batch, repeats, backend = sys.argv[1:]
    print(json.dumps(main(folder, json.loads(sizes), int(batch), int(repeats), backend=backend)))
