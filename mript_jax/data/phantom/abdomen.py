"""Axial cross-sections of the abdomen: fat, muscle wall, liver, spleen, kidneys, spine, bowel."""

import numpy as np

from mript_jax.data.phantom.canvas import Canvas, curve, ellipse

CONTRASTS = ("t1", "t2", "flash", "pd", "stir")


def paint_abdomen(canvas: Canvas) -> None:
    fields, rng = canvas.fields, canvas.fields.rng
    x = fields.x + 0.03 * fields.draw(0.5, 2.0, 1.0)
    y = fields.y + 0.03 * fields.draw(0.5, 2.0, 1.0)
    body = ellipse(x, y, (0.0, 0.0), (rng.uniform(0.86, 0.94), rng.uniform(0.60, 0.70)))
    canvas.paint(body, "skin")
    canvas.paint(body - 0.016, "fat")
    wall = body - rng.uniform(0.06, 0.13) - 0.012 * fields.draw(1.0, 4.0)
    canvas.paint(wall, "muscle")
    canvas.paint(curve(wall - 0.03 - 0.008 * fields.draw(1.0, 5.0), 0.005), "fat", within=wall)
    inside = wall - 0.06
    canvas.paint(inside, "fat", gain=0.95)

    loops = fields.draw(2.5, 5.0, 0.2)
    gut = np.minimum(inside - 0.02, np.minimum(0.25 - y, x + 0.15))
    canvas.paint(0.06 * (np.abs(loops) - 0.35), "muscle", within=gut)
    canvas.paint(0.06 * (np.abs(loops) - 0.55), "bowel", within=gut)
    canvas.paint(0.05 * (loops - 1.5), "air", within=gut - 0.03)

    reach = rng.uniform(0.30, 0.55)
    liver = np.minimum(
        inside - 0.01, ellipse(x, y, (-0.42, -0.05), (reach, 0.46), angle=0.3)
    ) + 0.01 * fields.draw(1.0, 5.0)
    canvas.paint(liver, "liver")
    vessels = fields.draw(2.0, 5.0)
    canvas.paint(0.03 * (0.10 - np.abs(vessels)), "blood", within=liver - 0.05, gain=0.9)
    for _ in range(rng.integers(0, 4)):
        where, size = (rng.uniform(-0.7, -0.2), rng.uniform(-0.35, 0.3)), rng.uniform(0.015, 0.07)
        canvas.paint(ellipse(x, y, where, (size, size)), "lesion", within=liver)
    spleen = np.minimum(inside - 0.01, ellipse(x, y, (0.62, 0.02), (0.13, 0.26), angle=-0.35))
    canvas.paint(spleen, "spleen")
    if rng.uniform() < 0.6:
        canvas.paint(ellipse(x, y, (-0.2, -0.2), (0.07, 0.10), angle=0.4), "fluid", within=inside)

    for sign in (-1, 1):
        center = (sign * rng.uniform(0.34, 0.40), rng.uniform(0.20, 0.28))
        kidney = ellipse(x, y, center, (0.12, 0.17), angle=sign * 0.5)
        canvas.paint(kidney + 0.025, "fat")
        canvas.paint(kidney, "kidney_cortex")
        pyramids = 0.03 * (np.abs(fields.draw(4.0, 8.0)) - 0.35)
        canvas.paint(pyramids, "kidney_medulla", within=kidney - 0.03)
        canvas.paint(kidney - 0.085, "fat")

    psoas = np.abs(x)
    canvas.paint(ellipse(psoas, y, (0.20, 0.36), (0.09, 0.11)), "muscle")
    canvas.paint(ellipse(psoas, y, (0.20, 0.56), (0.19, 0.10)), "muscle", within=wall + 0.03)
    vertebra = ellipse(x, y, (0.0, 0.32), (0.15, 0.115))
    canvas.paint(vertebra, "cortical_bone")
    canvas.paint(vertebra - 0.014, "marrow" if abs(fields.z) < 0.8 else "disc")
    between = np.minimum(y - 0.42, 0.62 - y)
    posterior = np.minimum(curve(np.abs(x) - 0.5 * (y - 0.44), 0.03), between)
    canvas.paint(posterior, "cortical_bone")
    canvas.paint(ellipse(x, y, (0.0, 0.475), (0.065, 0.05)), "csf")
    canvas.paint(ellipse(x, y, (0.0, 0.475), (0.028, 0.022)), "white_matter")
    for where, size in (((0.045, 0.155), 0.045), ((-0.085, 0.15), 0.05)):
        vessel = ellipse(x, y, where, (size, size * rng.uniform(0.7, 1.0)))
        canvas.paint(vessel + 0.008, "ligament")
        canvas.paint(vessel, "blood", gain=rng.uniform(0.2, 1.2))
