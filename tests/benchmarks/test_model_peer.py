"""Timing of the public code, which a stub replaces."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mript_jax.benchmarks import model_peer

PEER = """
import torch

class Part:
    def __init__(self, **sizes):
        pass

class Model(torch.nn.Module):
    def __init__(self, mode, **sizes):
        super().__init__()
        assert mode in ("combine", "level", "type"), mode
        self.weight = torch.nn.Parameter(torch.ones(1000))

    def forward(self, images, patterns, levels):
        return images * self.weight.sum()
"""
NAMES = {
    "image_decoder": "Part as ImageDecoderMulti",
    "image_encoder": "Part as ImageEncoderViT",
    "mript": "Model as MRIPT",
    "prompt_encoder": "Part as PromptEncoderMulti",
    "transformer": "Part as TwoWayTransformer",
}
SIZES = "image_size patch_size features num_levels num_patterns width depth heads mlp_ratio window"
SIZES += " global_blocks decoder_depth decoder_mlp decoder_heads decoder_downsample mode"


@pytest.fixture
def peer(tmp_path):
    """Run the script as model.py does."""
    pytest.importorskip("torch")
    (tmp_path / "modeling").mkdir()
    (tmp_path / "modeling" / "peer.py").write_text(PEER)
    for module, names in NAMES.items():
        text = f"from modeling.peer import {names}\n"
        (tmp_path / "modeling" / f"{module}.py").write_text(text)

    def run(*backend, mode="type"):
        sizes = json.dumps(dict.fromkeys(SIZES.split(), 8) | {"mode": mode})
        script = Path(model_peer.__file__)
        command = [sys.executable, str(script), str(tmp_path), sizes, "2", "1", *backend]
        return subprocess.run(command, capture_output=True, text=True)

    return run


@pytest.mark.parametrize("backend", [(), ("cpu",)])
def test_peer_is_timed(peer, backend):
    found = json.loads(peer(*backend).stdout)
    assert found["parameters (M)"] == 0.001
    assert min(found.values()) > 0 and len(found) == 4


def test_split_mode_is_told_to_the_peer_by_its_own_name(peer):
    assert json.loads(peer(mode="split").stdout)["images/s"] > 0


def test_peer_without_cuda_is_an_error_on_a_gpu(peer):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this torch has CUDA")
    run = peer("gpu")
    assert run.returncode and "has no CUDA" in run.stderr.strip().splitlines()[-1]
