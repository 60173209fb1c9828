"""Axial cross-sections of the head: scalp, skull, folded cortex, ventricles, deep nuclei."""

import numpy as np

from mript_jax.data.phantom.canvas import Canvas, ellipse

CONTRASTS = ("t1", "t2", "pd", "flash", "mprage", "flair")


def paint_head(canvas: Canvas) -> None:
    fields, rng = canvas.fields, canvas.fields.rng
    x = fields.x + 0.035 * fields.draw(0.5, 2.0, 1.0)
    y = fields.y + 0.035 * fields.draw(0.5, 2.0, 1.0)
    width, height = rng.uniform(0.66, 0.76), rng.uniform(0.82, 0.90)
    shrink = np.sqrt(max(1.0 - (0.75 * fields.z) ** 2, 0.2))
    width, height = width * shrink, height * shrink
    side = ellipse(x, y, (0.0, 0.0), (width, height))  # depth below the skin
    thick = 0.012 * fields.draw(0.5, 3.0, 0.5)

    canvas.paint(side, "skin")
    canvas.paint(side - 0.018, "fat")
    scalp = rng.uniform(0.045, 0.075)
    canvas.paint(side - scalp - thick, "cortical_bone")
    canvas.paint(side - scalp - 0.016 - thick, "marrow", gain=0.8)
    skull = scalp + rng.uniform(0.05, 0.07)
    canvas.paint(side - skull + 0.014 - thick, "cortical_bone")
    depth = side - skull  # below the inner table
    canvas.paint(depth, "csf")

    folds = fields.draw(3.5, 7.0, 0.3) + 0.4 * fields.draw(7.0, 12.0, 0.3)
    sulci = 0.040 * np.abs(folds)  # about the distance to the nearest sulcus
    gyral = 0.02 + 0.015 * fields.draw(3.0, 8.0)
    brain = depth - gyral
    canvas.paint(brain, "gray_matter")
    reach = np.clip(depth / 0.30, 0.0, 1.0)  # sulci fade towards the center
    ribbon = np.minimum(brain - 0.030, sulci - 0.024 * (1.0 - reach) - 0.004)
    canvas.paint(ribbon, "white_matter")
    canvas.paint(0.009 * (1.0 - 1.4 * reach) - sulci, "csf", within=depth)
    midline = np.abs(x + 0.006 * fields.draw(1.0, 4.0)) - 0.004
    canvas.paint(-midline, "csf", within=np.minimum(np.abs(y) - 0.32 * height, depth))

    near = 1.0 - 0.6 * abs(fields.z)
    for sign in (-1, 1):
        u = sign * x
        canvas.paint(
            ellipse(u, y, (0.155, 0.02), (0.075, 0.15), angle=0.25), "deep_gray", within=depth - 0.2
        )
        canvas.paint(ellipse(u, y, (0.085, 0.10), (0.06, 0.085), angle=-0.2), "deep_gray")
        big = rng.uniform(0.7, 1.3) * near
        canvas.paint(ellipse(u, y, (0.075, -0.17), (0.045 * big, 0.13 * big), angle=0.3), "csf")
        canvas.paint(ellipse(u, y, (0.15, 0.30), (0.04 * big, 0.14 * big), angle=-0.45), "csf")
    canvas.paint(ellipse(x, y, (0.0, 0.08), (0.012, 0.07)), "csf")
    for _ in range(rng.integers(0, 4)):
        where = rng.uniform(-0.4, 0.4, 2)
        size = rng.uniform(0.012, 0.07)
        blob = ellipse(
            x, y, tuple(where), (size, size * rng.uniform(0.6, 1.0)), angle=rng.uniform(0, 3)
        )
        canvas.paint(blob + 0.3 * size * fields.draw(4.0, 9.0), "lesion", within=depth - 0.05)
    for _ in range(rng.integers(3, 9)):
        where, size = rng.uniform(-0.55, 0.55, 2), rng.uniform(0.006, 0.014)
        canvas.paint(ellipse(x, y, tuple(where), (size, size)), "blood", within=depth)
