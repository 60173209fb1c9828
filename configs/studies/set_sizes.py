"""How many slices of heads are needed, after pretraining on objects of no anatomy and without.

python launch/study.py --config=configs/studies/set_sizes.py --workdir=runs/study_set_sizes
"""

import functools
from pathlib import Path

from ml_collections import ConfigDict

from mript_jax.config import compare_variants, derive_config, load_config_file

SIZES = (10, 100, 1000, 2500)
HEADS = {"phantom": {"seed": 2, "count": 3600, "anatomies": ("head",)}}


def get_config() -> ConfigDict:
    study = load_config_file(Path(__file__).with_name("base.py")).unlock()
    study.about = "The unrolled network trained on 10 to 2500 slices of heads, pretrained and not."
    study.experiment.data.update({"source": "generated", "mixture": ()})
    study.tuning = derive_config(
        study.experiment, {"data": {"source": "phantom", "options": HEADS}, "total_steps": 200}
    )
    study.conditions.test = derive_config(study.tuning)

    few = {size: derive_config(study.tuning, {"data": {"max_slices": size}}) for size in SIZES}

    def tuned(size: int, seed: int) -> ConfigDict:
        start = {"init_from": f"pretrained_{seed}", "optimizer": {"learning_rate": 1e-3}}
        return derive_config(few[size], start)

    compare_variants(
        study,
        {
            "pretrained": study.experiment,
            **{f"tuned_{size}": functools.partial(tuned, size) for size in SIZES},
            **{f"fresh_{size}": few[size] for size in SIZES},
        },
    )
    return study.lock()
