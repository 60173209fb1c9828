from pathlib import Path

import pytest

from mript_jax.config import check_config, load_config
from mript_jax.errors import UserError

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.py"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_config_can_be(path):
    check_config(load_config(path))


@pytest.mark.parametrize("stem", ["mript_radimagenet", "mript_fastmri"])
def test_a_preset_is_for_the_memory_of_a_device(stem):
    path = CONFIGS[0].with_name(f"{stem}.py")
    sizes = {}
    for memory in ("16gb", "24gb", "80gb", "cpu"):
        config = load_config(path, memory)
        check_config(config)
        sizes[memory] = (config.optimizer.images_at_once, config.model.width)
    assert sizes["16gb"] < sizes["24gb"] < sizes["80gb"]  # the same model, more images at once
    assert sizes["cpu"][1] < sizes["16gb"][1]
    assert load_config(path) == load_config(path, "80gb")
    with pytest.raises(UserError, match=r"17gb.*16gb"):
        load_config(path, "17gb")


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("total_steps", 0, "total_steps=0"),
        ("global_batch_size", -4, "global_batch_size=-4"),
        ("data.accelerations", (2.0, 4.0), "2 accelerations and 5"),
        ("data.patterns", (), "at least one pattern"),
        ("data.scale", "nonsense", "'target' or 'zero_filled'"),
        ("optimizer.images_at_once", -1, "images_at_once=-1"),
        ("optimizer.learning_rate", -1.0, "learning_rate=-1.0"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_name(field, value, told):
    config = load_config(CONFIGS[0].with_name("mript_tiny.py"))
    config.update_from_flattened_dict({field: value})
    with pytest.raises(UserError, match=told):
        check_config(config)
