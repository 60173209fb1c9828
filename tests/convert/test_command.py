"""`mript convert` there and back."""

import numpy as np
import pytest

from mript_jax.commands.convert import write_checkpoint, write_torch
from mript_jax.convert.files import read_state_dict


def parameters(golden, name):
    stored = golden(name)
    return {n.removeprefix("param/"): stored[n] for n in stored.files if n.startswith("param/")}


@pytest.mark.slow
def test_tensors_without_effect_come_back_unchanged(golden, tmp_path):
    theirs = parameters(golden, "mript_combine")
    unused = [name for name in theirs if "final_attn" in name or "hypernetworks" in name]
    assert len(unused) == 16
    for number, name in enumerate(unused):
        theirs[name] = np.full_like(theirs[name], number + 0.5)
    np.savez(tmp_path / "model.npz", **theirs)
    write_checkpoint(str(tmp_path / "model.npz"), str(tmp_path / "ours"), None)
    write_torch(str(tmp_path / "ours"), str(tmp_path / "back.npz"))
    back = read_state_dict(tmp_path / "back.npz")
    assert set(back) == set(theirs)
    for name, value in theirs.items():
        np.testing.assert_array_equal(back[name], value, name)


@pytest.mark.slow
def test_fastmris_own_unet_loads_what_is_written(golden, tmp_path):
    torch = pytest.importorskip("torch")
    Unet = pytest.importorskip("fastmri.models").Unet
    theirs = parameters(golden, "reconnet_unet")
    np.savez(tmp_path / "model.npz", **theirs)
    write_checkpoint(str(tmp_path / "model.npz"), str(tmp_path / "ours"), None)
    write_torch(str(tmp_path / "ours"), str(tmp_path / "back.pt"))
    chans = theirs["net.down_sample_layers.0.layers.0.weight"].shape[0]
    model = Unet(1, 1, chans=chans, num_pool_layers=3)
    model.load_state_dict(torch.load(tmp_path / "back.pt", weights_only=True))
