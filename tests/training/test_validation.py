import json
from pathlib import Path

from mript_jax.checkpoint import load_checkpoint_config, load_params
from mript_jax.config import load_config_file
from mript_jax.training.loop import train

UNET = Path(__file__).parents[2] / "configs" / "unet.py"


def test_validation_is_logged_and_the_best_weights_are_kept(tmp_path):
    config = load_config_file(UNET).unlock()
    config.update_from_flattened_dict(
        {
            "data.image_size": 32,
            "data.patterns": ("gaussian_2d", "radial"),
            "data.options.phantom.count": 60,
            "data.options.phantom.size": 32,
            "model.features": 4,
            "model.pools": 1,
            "loss": "l1",
            "global_batch_size": 8,
            "total_steps": 4,
            "evaluate_every_steps": 2,
        }
    )
    train(config.lock(), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    found = {line["step"]: line["validation_psnr"] for line in lines if "validation_psnr" in line}
    assert sorted(found) == [2, 4] and all(10 < value < 60 for value in found.values())
    best = tmp_path / "best" / "checkpoints" / str(max(found, key=found.get))
    assert best.is_dir() and load_params(tmp_path / "best")
    assert load_checkpoint_config(tmp_path / "best").model.name == "unet"
