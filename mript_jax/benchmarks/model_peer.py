"""Timing of the public PyTorch MR-IPT: model.py runs this file in a Python that has torch.

Arguments: the checkout, the fields of config.model as JSON, images in a batch, repetitions,
JAX's backend (with "gpu" PyTorch runs on the GPU, too), and "eager" or "tuned": bfloat16,
torch.compile and PyTorch's fused attention. With 0 repetitions it times one call for each line of
its input: latency, images or training (race_entry.py).
"""

import contextlib
import functools
import importlib
import json
import sys
import time

MODES = {"split": "combine"}  # the public code builds no heads at all for a name unknown to it


def functions(checkout: str, sizes: dict, batch: int, backend: str, *, way: str) -> dict:
    """The model, and functions of no argument by the name of what they are timed for."""
    import torch

    if backend == "gpu" and not torch.cuda.is_available():
        sys.exit("JAX runs on a GPU, and this torch has no CUDA; give a --peer_python that has")
    device = "cuda" if backend == "gpu" else "cpu"
    sys.path.insert(0, checkout)
    from modeling.image_decoder import ImageDecoderMulti
    from modeling.image_encoder import ImageEncoderViT
    from modeling.mript import MRIPT
    from modeling.prompt_encoder import PromptEncoderMulti
    from modeling.transformer import TwoWayTransformer

    side, patch = sizes["image_size"], sizes["patch_size"]
    channels, grid = sizes["features"] * patch, side // patch
    model = MRIPT(
        n_feats=sizes["features"],
        n_colors=1,
        scale=[[1] * sizes["num_levels"]] * sizes["num_patterns"],
        conv_kernel_size=3,
        res_kernel_size=5,
        image_encoder=ImageEncoderViT(
            img_size=side,
            patch_size=patch,
            in_chans=sizes["features"],
            embed_dim=sizes["width"],
            depth=sizes["depth"],
            num_heads=sizes["heads"],
            mlp_ratio=sizes["mlp_ratio"],
            out_chans=channels,
            norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=sizes["window"],
            global_attn_indexes=sizes["global_blocks"],
        ),
        prompt_encoder=PromptEncoderMulti(
            num_level=sizes["num_levels"],
            num_type=sizes["num_patterns"],
            embed_dim=channels,
            image_embedding_size=(grid, grid),
            input_image_size=(side, side),
        ),
        image_decoder=ImageDecoderMulti(
            transformer=TwoWayTransformer(
                depth=sizes["decoder_depth"],
                embedding_dim=channels,
                mlp_dim=sizes["decoder_mlp"],
                num_heads=sizes["decoder_heads"],
                attention_downsample_rate=sizes["decoder_downsample"],
            ),
            transformer_dim=channels,
            output_dim_factor=4,
        ),
        mode=MODES.get(sizes["mode"], sizes["mode"]),
    ).to(device)

    precision = contextlib.nullcontext()
    if way == "tuned":
        _fuse_attention(model)
        # Heads and tails are chosen sample by sample, which torch.compile would cut into fragments.
        for part in (model.image_encoder, model.image_decoder):
            part.compile()
        precision = torch.autocast(device, torch.bfloat16)

    def images(count: int) -> tuple:
        tasks = torch.zeros(count, dtype=torch.long, device=device)
        return torch.full((count, 1, side, side), 0.5, device=device), tasks, tasks

    def reconstruct(count: int) -> None:
        with torch.no_grad(), precision:
            model(*images(count))

    def train() -> None:
        model.zero_grad()
        with precision:
            loss = model(*images(batch)).abs().mean()
        loss.backward()

    def finish(function, *arguments) -> None:
        function(*arguments)
        if device == "cuda":
            torch.cuda.synchronize()  # calls return before the GPU has finished

    return {
        "model": model,
        "latency": lambda: finish(reconstruct, 1),
        "images": lambda: finish(reconstruct, batch),
        "training": lambda: finish(train),
    }


def main(
    checkout: str, sizes: dict, batch: int, repeats: int, backend: str = "cpu", way: str = "eager"
) -> dict:
    timed = functions(checkout, sizes, batch, backend, way=way)

    def seconds(name: str) -> float:
        timed[name]()
        times = []
        for _ in range(repeats):
            began = time.perf_counter()
            timed[name]()
            times.append(time.perf_counter() - began)
        return min(times)

    return {
        "parameters (M)": sum(p.numel() for p in timed["model"].parameters()) / 1e6,
        "latency (ms)": 1e3 * seconds("latency"),
        "images/s": batch / seconds("images"),
        "trained images/s": batch / seconds("training"),
    }


def _fuse_attention(model) -> None:
    """Give the encoder's attention PyTorch's fused product, with its bias as an additive mask."""
    import torch
    from modeling import image_encoder

    def forward(self, x):
        B, H, W, _ = x.shape
        qkv = self.qkv(x).reshape((B, H * W, 3, self.num_heads, -1)).permute((2, 0, 3, 1, 4))
        q, k, v = qkv.unbind(0)  # [B, heads, H * W, d]
        flat, zeros = q.flatten(0, 1), q.new_zeros(B * self.num_heads, H * W, H * W)
        bias = image_encoder.add_decomposed_rel_pos(
            zeros, flat, self.rel_pos_h, self.rel_pos_w, q_size=(H, W), k_size=(H, W)
        )
        bias = bias.view(B, self.num_heads, H * W, H * W).to(q.dtype)
        y = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.proj(y.transpose(1, 2).reshape(B, H, W, -1))

    for module in model.modules():
        if hasattr(module, "rel_pos_h"):
            module.forward = forward.__get__(module)


if __name__ == "__main__":
    checkout, sizes, batch, repeats, *rest = sys.argv[1:]
    backend, way = [*rest, *("cpu", "eager")[len(rest) :]]
    arguments = (checkout, json.loads(sizes), int(batch))
    if int(repeats):
        print(json.dumps(main(*arguments, int(repeats), backend=backend, way=way)))
    else:
        serve = importlib.import_module("race_entry").serve  # beside this file
        serve(functions(*arguments, backend, way=way))
