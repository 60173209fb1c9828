import json

from mript_jax.checkpoint import load_checkpoint_config, load_params
from mript_jax.config import base_config
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


def test_validation_and_learning_rate_are_on_the_boards_by_default(quick_config, tmp_path):
    config = quick_config(total_steps=2, log_every_steps=1)
    assert 0 < base_config().evaluate_every_steps <= 500
    config.evaluate_every_steps = 2
    config.optimizer.update({"schedule": "cosine", "learning_rate": 0.5, "warmup_steps": 1})
    train(config, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    rates = [line["learning_rate"] for line in lines if "learning_rate" in line]
    assert rates == [0.0, 0.5]  # of the updates 1 and 2: warmup, then the peak
    (events,) = (tmp_path / "tensorboard").iterdir()
    found = events.read_bytes()
    for tag in (b"train/learning_rate", b"train/loss", b"validation/psnr", b"validation"):
        assert tag in found
    assert b"PNG" in found  # the picture


def test_run_too_short_for_a_validation_says_so(quick_config, tmp_path, caplog):
    train(quick_config(total_steps=2, evaluate_every_steps=3), tmp_path)
    assert "evaluate_every_steps=3 is more than config.total_steps=2" in caplog.text


def test_run_without_validation_slices_trains_on(quick_config, tmp_path, caplog):
    config = quick_config(total_steps=2, evaluate_every_steps=1)
    config.data.split_fractions = (0.5, 0.0, 0.5)
    assert int(train(config, tmp_path).step) == 2
    assert "no validation during training: the split 'validation'" in caplog.text
    assert not (tmp_path / "best").exists()
