"""Converts weights of the models' public PyTorch codes to a checkpoint of this package, and back.

  mript convert --input=model.pt --output=runs/public
  mript convert --input=runs/public --output=model.pt --to=torch
  mript convert --input=runs/mript_small --output=small.safetensors --to=weights
  mript convert --input=sam_vit_l.pth --output=runs/sam_start
  mript convert --input=runs/simmim --output=runs/masked_start \\
      --config=mript_tiny

The last is one file for others to use: weights in half precision and their config. Weight files of
other codes are .pt, .pth or .ckpt (needs PyTorch), .npz or .safetensors. The config is read from
the shapes, unless --config says it. Tensors without effect on the public model's output are kept
beside the checkpoint, and written back by --to=torch.

A Segment Anything checkpoint gives the encoder; the rest of that network starts fresh, for training
with --config.init_from. So does a masked model's ViT (simmim), whose blocks become those of the
MR-IPT that --config describes.
"""

import hashlib
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict

from mript_jax import cli
from mript_jax.errors import UserError

KEPT = "unused.safetensors"  # beside a checkpoint


def run(program: str) -> None:
    cli.run(main, define_flags, __doc__, program)


def define_flags() -> None:
    flags.DEFINE_string("input", None, "A weight file; with --to, a checkpoint.")
    flags.DEFINE_string("output", None, "Folder of the checkpoint; with --to, a weight file.")
    flags.DEFINE_enum("to", "jax", ["jax", "torch", "weights"], "What to write.")
    cli.define_config("Config of the model, where shapes do not tell it")


def main() -> None:
    cli.required(input=cli.FLAGS.input, output=cli.FLAGS.output)
    cli.existing_path("input", cli.FLAGS.input)
    if cli.FLAGS.to == "torch":
        write_torch(cli.FLAGS.input, cli.FLAGS.output)
    elif cli.FLAGS.to == "weights":
        write_weights_file(cli.FLAGS.input, cli.FLAGS.output)
    elif Path(cli.FLAGS.input).is_dir():
        start_from_masked(cli.FLAGS.input, cli.FLAGS.output, cli.FLAGS.config)
    else:
        write_checkpoint(cli.FLAGS.input, cli.FLAGS.output, cli.FLAGS.config)


def write_checkpoint(source: str, output: str, config: ConfigDict | None) -> None:
    from mript_jax.checkpoint import save_params
    from mript_jax.config import base_config
    from mript_jax.convert import from_torch, infer_config, segment_anything
    from mript_jax.convert.files import read_state_dict
    from mript_jax.weights_file import refuse_nonfinite

    _refuse_full(output)
    state_dict = read_state_dict(source)
    foreign = segment_anything.is_segment_anything(state_dict)
    if config is None:
        read = segment_anything.config_for if foreign else infer_config
        config = base_config()
        config.data.normalize_by = "target"  # as the public codes train
        config.model = ConfigDict(read(state_dict))
        config.data.image_size = config.model.get("image_size", config.data.image_size)
        print("model:", ", ".join(f"{k}={v}" for k, v in config.model.items()))
    if foreign:
        params, ignored, fresh = segment_anything.from_segment_anything(state_dict, config.model)
        print(f"newly initialized: {', '.join(fresh)}")
    else:
        params, ignored = from_torch(state_dict, config.model)
    refuse_nonfinite(source, params)
    save_params(output, params, config)
    _keep(output, {name: value for name, value in state_dict.items() if _bare(name) in ignored})
    print(f"ignored: {', '.join(ignored) or 'nothing'}")
    print(f"{output}: {len(state_dict) - len(ignored)} of {len(state_dict)} tensors converted")


def start_from_masked(checkpoint: str, output: str, config: ConfigDict | None) -> None:
    from mript_jax.checkpoint import load_checkpoint_config, load_params, save_params
    from mript_jax.convert.masked_encoder import from_masked

    _refuse_full(output)
    masked = load_checkpoint_config(checkpoint).model
    if config is None:
        raise UserError("--input is a checkpoint already; --to=torch, or --config of an mript")
    params, fresh = from_masked(load_params(checkpoint), masked, config.model)
    config.init_from = checkpoint  # an evaluation asks what it was trained on
    save_params(output, params, config)
    print(f"newly initialized: {', '.join(fresh)}")
    print(f"{output}: the blocks of {checkpoint}")


def write_torch(checkpoint: str, output: str) -> None:
    from mript_jax.checkpoint import load_checkpoint_config, load_params
    from mript_jax.convert import to_torch
    from mript_jax.convert.files import WRAPPED, write_state_dict

    model = load_checkpoint_config(checkpoint).model
    state_dict = to_torch(load_params(checkpoint), model)
    state_dict |= _kept(checkpoint, state_dict)
    bare = model.name == "unet"  # fastMRI's, which loads a file of nothing but tensors
    write_state_dict(output, state_dict, "" if bare else WRAPPED[0])
    if model.get("iterations", 0):
        print("the public code has no data consistency: there, this is the network alone")
    print(f"{output}: {len(state_dict)} tensors")


def write_weights_file(checkpoint: str, output: str) -> None:
    from mript_jax.checkpoint import find_checkpoint, load_checkpoint_config, load_params
    from mript_jax.weights_file import SUFFIX, write_weights

    if Path(output).suffix != SUFFIX:
        raise UserError(f"--output={output} must end in {SUFFIX}")
    config = load_checkpoint_config(checkpoint).to_json_best_effort()
    step = int(find_checkpoint(checkpoint).name)
    write_weights(output, load_params(checkpoint), config, step)
    content = Path(output).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    print(f"{output}: step {step}, {len(content)} bytes, sha256 {digest}")


def _keep(output: str, tensors: dict) -> None:
    """Keeps tensors without effect on the output, so that they can be written back unchanged."""
    from mript_jax.convert.files import write_state_dict

    if tensors:
        write_state_dict(
            Path(output) / KEPT, {_bare(name): value for name, value in tensors.items()}
        )


def _kept(checkpoint: str, state_dict: dict) -> dict:
    """Those of the names and shapes that the public code has."""
    from mript_jax.convert.files import read_state_dict

    path = Path(checkpoint) / KEPT
    kept = read_state_dict(path) if path.is_file() else {}
    return {
        name: value
        for name, value in kept.items()
        if name in state_dict and value.shape == state_dict[name].shape
    }


def _bare(name: str) -> str:
    return name.removeprefix("module.")


def _refuse_full(output: str) -> None:
    if Path(output).exists() and any(Path(output).iterdir()):
        raise UserError(f"--output={output} is not empty")
