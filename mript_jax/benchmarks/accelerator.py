"""Report of an accelerator, part by part, within the half hour of a lent GPU.

  bash launch/gpu_report.sh all
  mript benchmark accelerator --part=training_full_auto --output=runs/accelerator
  mript benchmark accelerator --table --output=runs/accelerator

Each part takes 8 minutes at most and writes PART.json; --table makes report.md of all that are
there. --peer and --varnet are checkouts of the public MR-IPT and of fastMRI, which PyTorch runs in
the same session. --scale=toy takes small sizes, to try everything on a CPU. Only the parts `loader`
and `long_training` need more than jax, flax, optax, orbax, h5py, numpy, torch and ml_collections.
"""

import datetime
import importlib
import json
import time
from pathlib import Path
from typing import Any

import jax
from absl import flags

from mript_jax import cli
from mript_jax.errors import UserError, unknown_name_error
from mript_jax.text_table import markdown_table

# Name of a part -> module of this package and the arguments of its `measure`.
PARTS: dict[str, tuple[str, dict[str, Any]]] = {
    "correctness": ("accelerator_correctness", {}),
    **{
        f"training_{remat}_{attention}": (
            "accelerator_training",
            {"config": "mript_radimagenet", "remat": remat, "attention": attention},
        )
        for attention in ("auto", "chunked")
        for remat in ("dots", "full", "none")
    },
    "training_multicoil": ("accelerator_training", {"config": "unrolled_fastmri"}),
    "peer_eager": ("accelerator_peers", {"peer": "eager"}),
    "peer_tuned": ("accelerator_peers", {"peer": "tuned"}),
    "peer_multicoil": ("accelerator_peers", {"peer": "varnet"}),
    "inference": ("accelerator_inference", {}),
    "loader": ("accelerator_data", {"what": "loader"}),
    "long_training": ("accelerator_data", {"what": "training"}),
    "long_training_resumed": ("accelerator_data", {"what": "training"}),
}


def define_flags() -> None:
    flags.DEFINE_string("part", "", f"One of {', '.join(PARTS)}.")
    flags.DEFINE_bool("table", False, "Write report.md of the parts that are there.")
    flags.DEFINE_string("output", "runs/accelerator", "Folder of the results.")
    flags.DEFINE_enum("scale", "paper", ("paper", "toy"), "Sizes of the models.")
    flags.DEFINE_string("peer", "", "A checkout of the public MR-IPT code.")
    flags.DEFINE_string("varnet", "", "A folder from which Python imports fastmri, or none.")
    flags.DEFINE_string("peer_python", "python3", "A Python with torch.")


def main() -> None:
    values = cli.FLAGS
    output = Path(values.output)
    output.mkdir(parents=True, exist_ok=True)
    if values.table:
        print(write_table(output))
        return
    if values.part not in PARTS:
        raise unknown_name_error("--part", values.part, PARTS)
    module, arguments = PARTS[values.part]
    measure = importlib.import_module(f"mript_jax.benchmarks.{module}").measure
    if module == "accelerator_peers":
        arguments |= {
            "checkout": values.peer,
            "folder": values.varnet,
            "python": values.peer_python,
        }
    began = time.perf_counter()
    result = {
        "part": values.part,
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        "date": datetime.date.today().isoformat(),
        "scale": values.scale,
        "rows": measure(toy=values.scale == "toy", **arguments),
        "seconds": round(time.perf_counter() - began),
    }
    (output / f"{values.part}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(_section(result))


def write_table(folder: Path) -> str:
    """Write report.md of all parts of a folder, in the order in which they are listed."""
    found = [folder / f"{part}.json" for part in PARTS if (folder / f"{part}.json").is_file()]
    if not found:
        raise UserError(f"--output={folder} holds no results; run a --part first")
    text = "\n".join(_section(json.loads(path.read_text())) for path in found)
    (folder / "report.md").write_text(text)
    return text


def _section(result: dict[str, Any]) -> str:
    columns = list(dict.fromkeys(name for row in result["rows"] for name in row))
    rows = [{name: row.get(name, "") for name in columns} for row in result["rows"]]
    about = f"{result['device']}, jax {result['jax']}, {result['date']}, scale {result['scale']}"
    return f"## {result['part']}\n\n{about}, {result['seconds']} s\n\n{markdown_table(rows)}\n"


if __name__ == "__main__":
    cli.run(main, define_flags, __doc__, "mript benchmark")
