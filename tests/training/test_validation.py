import json

from mript_jax.checkpoint import load_checkpoint_config, load_params
from mript_jax.training.loop import train


def test_validation_is_logged_and_the_best_weights_are_kept(quick_config, tmp_path):
    config = quick_config(total_steps=4, evaluate_every_steps=2)
    config.data.patterns = ("gaussian_2d", "radial")
    train(config, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    found = {line["step"]: line["validation_psnr"] for line in lines if "validation_psnr" in line}
    assert sorted(found) == [2, 4] and all(10 < value < 60 for value in found.values())
    best = tmp_path / "best" / "checkpoints" / str(max(found, key=found.get))
    assert best.is_dir() and load_params(tmp_path / "best")
    assert load_checkpoint_config(tmp_path / "best").model.name == "quick"
