"""The public PyTorch codes at our sizes: MR-IPT eager and tuned, and fastMRI's VarNet.

Tuned is bfloat16, PyTorch's fused attention and torch.compile of encoder and decoder, which the
public code lacks.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from mript_jax.benchmarks.accelerator_training import TOY, model_inputs
from mript_jax.config import load_config_file
from mript_jax.errors import UserError
from mript_jax.sizes import height_width

FOLDER = Path(__file__).parent


def measure(
    peer: str, *, toy: bool, checkout: str, folder: str, python: str
) -> list[dict[str, Any]]:
    """Rows of fastMRI's "varnet", from `folder` or installed, or of MR-IPT, "eager" or "tuned"."""
    name = "unrolled_fastmri" if peer == "varnet" else "mript_radimagenet"
    config = load_config_file(name).unlock()
    if toy:
        config.update_from_flattened_dict(TOY[name])
    repeats, backend = "1" if toy else "10", jax.default_backend()
    if peer == "varnet":
        return [_varnet(config, folder, python, repeats, backend=backend)]
    if not checkout:
        raise UserError(f"the part peer_{peer} needs --peer=CHECKOUT_OF_MR_IPT")
    sizes = json.dumps(config.model.copy_and_resolve_references().to_dict())
    rows = []
    for batch in ("1",) if toy else ("4", "8"):
        script = str(FOLDER / "model_peer.py")
        found = _run([python, script, checkout, sizes, batch, repeats, backend, peer])
        rows.append({"model": f"public MR-IPT, {peer}", "batch": int(batch), **found})
    return rows


def _varnet(
    config: ConfigDict, folder: str, python: str, repeats: str, backend: str
) -> dict[str, Any]:
    _, _, params = model_inputs(config, 1)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(params))
    sizes = {
        "image_size": height_width(config.data.image_size),
        "coils": config.data.coils,
        "cascades": config.model.cascades,
        "parameters": parameters,
    }
    script = str(FOLDER / "varnet_peer.py")
    found = _run([python, script, folder, json.dumps(sizes), "1", repeats, backend])
    return {"model": "fastMRI's VarNet", "batch": 1, "our parameters (M)": parameters / 1e6} | found


def _run(command: list[str]) -> dict[str, Any]:
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"{Path(command[1]).name}: {last}")
    found: dict[str, Any] = json.loads(run.stdout.strip().splitlines()[-1])
    return found
