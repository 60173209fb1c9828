"""simmim_swin_ape.npz and mimmri_swinrec_ape.npz: Swin and SwinRec with a position embedding.

Needs PyTorch and timm, and checkouts of the two public codes (README.md names the commits):

  python tests/golden/make_position_embedding.py SIMMIM_CHECKOUT MIMMRI_CHECKOUT
"""

import argparse
import copy
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import torch

GOLDEN = Path(__file__).parent
SWIN = {"img_size": 32, "patch_size": 2, "in_chans": 4, "num_classes": 0, "embed_dim": 16}
SWIN |= {"depths": [2, 2], "num_heads": [2, 4], "window_size": 4, "ape": True}
SWINREC = {"img_size": 16, "patch_size": 1, "in_chans": 4, "embed_dim": 12, "depths": [2, 2]}
SWINREC |= {"num_heads": [2, 3], "window_size": 4, "ape": True}
MASK_RATIO = 0.6
UPSCALING = ("conv_before_upsample.", "upsample.", "conv_last2.")  # of SwinRec's second output
SWIN_GRADIENTS = (
    "encoder.absolute_pos_embed",
    "encoder.mask_token",
    "encoder.patch_embed.proj.weight",
    "encoder.layers.1.blocks.0.attn.qkv.weight",
    "decoder.0.weight",
)
SWINREC_GRADIENTS = (
    "absolute_pos_embed",
    "conv_first.weight",
    "patch_embed.norm.weight",
    "layers.1.residual_group.blocks.0.attn.qkv.weight",
    "conv_last.weight",
)


def make_swin(checkout: Path) -> dict[str, np.ndarray]:
    """SimMIM around Swin, with the loss over hidden pixels."""
    sys.path.insert(0, str(checkout))
    from models.simmim import SimMIM, SwinTransformerForSimMIM

    rng, channels, stride = np.random.default_rng(302), SWIN["in_chans"], 4
    model = SimMIM(SwinTransformerForSimMIM(**SWIN), stride)
    model.decoder[0] = torch.nn.Conv2d(32, stride**2 * channels, 1)  # the public class: 3 channels
    randomize(model, rng)
    x, grid = draw_images(rng, SWIN), SWIN["img_size"] // SWIN["patch_size"]
    mask = rng.random((2, grid * grid)).argsort(axis=1) < np.ceil(MASK_RATIO * grid * grid)
    mask = torch.from_numpy(mask.reshape(2, grid, grid).astype(np.int64))

    def run(model, x):
        features = model.encoder(x, mask)
        return {
            "loss": model(x, mask),
            "reconstruction": model.decoder(features),
            "encoder": features,
        }

    about = SWIN | {"seed": 302, "encoder_stride": stride, "mask_ratio": MASK_RATIO}
    inputs = {"x": x, "mask": mask}
    return record(model, inputs, run, SWIN_GRADIENTS, about)


def make_swinrec(checkout: Path) -> dict[str, np.ndarray]:
    """SwinRecNet on whole images, with the mean absolute error of its first output."""
    file = checkout / "modelfiles" / "SwinRec.py"
    spec = importlib.util.spec_from_file_location("SwinRec", file)
    public = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(public)

    rng = np.random.default_rng(402)
    model = public.SwinRecNet(**SWINREC)
    randomize(model, rng)
    with torch.no_grad():  # nearly all weights, and not tested: zeros take no space
        for name, value in model.named_parameters():
            if name.startswith(UPSCALING):
                value.zero_()
    x, target = draw_images(rng, SWINREC), draw_images(rng, SWINREC)

    def run(model, x):
        y = torch.cat([model(one[None])[0] for one in x])  # it runs at batch 1 only
        return {"loss": (y - target.to(y.dtype)).abs().mean(), "y": y}

    about = SWINREC | {"seed": 402, "zeros": UPSCALING}
    return record(model, {"x": x, "target": target}, run, SWINREC_GRADIENTS, about)


def draw_images(rng: np.random.Generator, config: dict) -> torch.Tensor:
    """Two images in multiples of 1 / 128."""
    shape = (2, config["in_chans"], config["img_size"], config["img_size"])
    return torch.from_numpy(rng.integers(0, 129, shape).astype(np.float32) / 128)


def randomize(model: torch.nn.Module, rng: np.random.Generator) -> None:
    """Replace every parameter, so that none is at its initial value of zero or one."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = rng.standard_normal(value.shape)
            if name.endswith("bias"):
                noise *= 0.1
            elif "norm" in name:
                noise = 1 + 0.2 * noise
            elif name.endswith(("bias_table", "mask_token", "absolute_pos_embed")):
                noise *= 0.4
            else:
                noise *= 1.1 / np.sqrt(np.prod(value.shape[1:]))
            value.copy_(torch.from_numpy(round_bits(noise)))


def round_bits(value: np.ndarray) -> np.ndarray:
    """Round to 4 significant bits, so that files compress."""
    mantissa, exponent = np.frexp(value)
    return np.ldexp(np.round(mantissa * 16) / 16, exponent).astype(np.float32)


def record(model, inputs, run, gradients, about) -> dict[str, np.ndarray]:
    """The arrays of a golden file, with PyTorch's rounding error in its config."""
    model.eval()
    outputs = run(model, inputs["x"])
    outputs["loss"].backward()
    exact = run(copy.deepcopy(model).double(), inputs["x"].double())
    rounding = max(float((exact[k] - v).abs().max()) for k, v in outputs.items())
    about |= {"torch": torch.__version__, "float32_to_float64": rounding}
    named = dict(model.named_parameters())
    arrays = (
        {f"param/{name}": value for name, value in model.state_dict().items()}
        | {f"in/{name}": value for name, value in inputs.items()}
        | {f"out/{name}": value for name, value in outputs.items()}
        | {f"grad/{name}": named[name].grad for name in gradients}
    )
    return {name: value.detach().numpy() for name, value in arrays.items()} | {
        "config": np.array(json.dumps(about))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("simmim", type=Path, help="checkout of microsoft/SimMIM")
    parser.add_argument("mimmri", type=Path, help="checkout of Aopsmath99/MIMMRI")
    args = parser.parse_args()
    torch.set_num_threads(1)
    np.savez_compressed(GOLDEN / "simmim_swin_ape.npz", **make_swin(args.simmim))
    np.savez_compressed(GOLDEN / "mimmri_swinrec_ape.npz", **make_swinrec(args.mimmri))


if __name__ == "__main__":
    main()
