"""Samples per second of the public MR-IPT code's dataset class under PyTorch's DataLoader.

  python mript_jax/benchmarks/data_peer.py CHECKOUT FOLDER WORKERS BATCH SECONDS

CHECKOUT is a copy of GuoyaoShen/MR-IPT, FOLDER holds pictures. Runs without mript_jax, in any
Python that has torch and torchvision; prints one line of JSON. The settings are those of its
training notebook. Packages that its modules import but the dataset does not use are replaced by
stubs.
"""

import importlib.util
import json
import os
import sys
import time
import types

STUBS = (
    *("fastmri", "fastmri.data", "fastmri.data.subsample", "fastmri.data.transforms"),
    *("fastmri.data.mri_data", "matplotlib", "matplotlib.pyplot", "polarTransform", "imutils"),
)
LEVELS = ((2.0, 0.10), (4.0, 0.08), (6.0, 0.06), (8.0, 0.04), (10.0, 0.02))
SIZE = 224


def open_loader(checkout: str, folder: str, workers: int, batch: int):
    """The loader of the public training notebook, with the given batch size."""
    _install_stubs()
    sys.path.insert(0, checkout)
    from utils import sample_mask as masks
    from utils.data_transform import DataTransform
    from utils.radimgnet_loader_ipt import create_radimgnet_dataloader_multi

    functions = []
    for pattern in (
        masks.RandomMask,
        masks.EquiSpaceMask,
        masks.RandomMaskGaussian1D,
        masks.RandomMaskGaussian,
    ):
        plane = pattern is masks.RandomMaskGaussian
        more = {"cov": [[1.5, 0], [0, 1.5]]} if plane else {}
        functions.append(
            [
                DataTransform(
                    pattern(
                        center_fraction=center ** (0.5 if plane else 1),
                        acceleration=acceleration,
                        size=[1, SIZE, SIZE],
                        seed=None,
                        **more,
                    )
                )
                for acceleration, center in LEVELS
            ]
        )
    return create_radimgnet_dataloader_multi(
        data_dir=folder,
        random_seed=0,
        val_split=0.1,
        image_size=(SIZE, SIZE),
        batch_size=batch,
        is_train=True,
        scales=[[1] * len(LEVELS)] * len(functions),
        func_list=functions,
        num_workers=workers,
    )


def samples_per_second(loader, workers: int, batch: int, seconds: float) -> float:
    def stream():
        while True:
            yield from loader

    batches = stream()
    for _ in range(2 * workers + 2):
        next(batches)
    count, start = 0, time.perf_counter()
    while (took := time.perf_counter() - start) < seconds:
        next(batches)
        count += batch
    return count / took


def _install_stubs() -> None:
    for name in STUBS:
        top = name.split(".")[0]
        if top in sys.modules or importlib.util.find_spec(top) is None:
            module = sys.modules[name] = types.ModuleType(name)
            parent, _, child = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], child, module)
    if not hasattr(sys.modules["imutils"], "paths"):
        paths = types.SimpleNamespace(list_images=_list_images)
        vars(sys.modules["imutils"])["paths"] = paths
    vars(sys.modules["fastmri.data.subsample"])["MaskFunc"] = type("MaskFunc", (), {})


def _list_images(folder: str):
    for place, _, names in os.walk(folder):
        for name in names:
            if name.lower().endswith((".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")):
                yield os.path.join(place, name)


if __name__ == "__main__":
    checkout, folder, *numbers = sys.argv[1:]
    workers, batch, seconds = int(numbers[0]), int(numbers[1]), float(numbers[2])
    loader = open_loader(checkout, folder, workers, batch)
    rate = samples_per_second(loader, workers, batch, seconds)
    print(json.dumps({"workers": workers, "batch": batch, "samples_per_second": rate}))
