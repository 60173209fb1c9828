"""Lin and Heckel's augmentation of photographs: random squares, mirrored and turned."""

import numpy as np
from PIL import Image

SHORT_SIDE = 320 / 272  # of the resized picture, over the longer side of what is cut out


def random_crop(image: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A part [h, w] of a picture [H, W] that is first resized, mirrored and turned by chance."""
    turns = int(rng.integers(4))
    cut = shape[::-1] if turns % 2 else shape
    factor = round(SHORT_SIDE * max(shape)) / min(image.shape)
    height, width = (max(round(n * factor), m) for n, m in zip(image.shape, cut, strict=True))
    picture = Image.fromarray(np.ascontiguousarray(image, np.float32), mode="F")
    resized = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    top, left = rng.integers(height - cut[0] + 1), rng.integers(width - cut[1] + 1)
    part = resized[top : top + cut[0], left : left + cut[1]]
    part = part[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
    return np.ascontiguousarray(np.rot90(part, turns))
