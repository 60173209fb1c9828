"""Sagittal cross-sections of the knee: femur, tibia, patella, cartilage, menisci, ligaments."""

import numpy as np

from mript_jax.data.phantom.canvas import Canvas, curve, ellipse

CONTRASTS = ("pd", "t1", "t2", "stir")


def paint_knee(canvas: Canvas) -> None:
    fields, rng = canvas.fields, canvas.fields.rng
    x = fields.x + 0.04 * fields.draw(0.5, 2.0, 1.0)
    y = fields.y + 0.03 * fields.draw(0.5, 2.0, 1.0)
    shift = rng.uniform(-0.05, 0.05)
    limb = rng.uniform(0.74, 0.84) - 0.10 * np.cos(2.5 * y) * 0.5 - np.abs(x + 0.05)
    canvas.paint(limb, "skin")
    canvas.paint(limb - 0.02, "fat")

    fascia = limb - rng.uniform(0.10, 0.16) - 0.02 * fields.draw(1.0, 4.0)
    strands = fields.draw(2.0, 5.0, 0.2) + 2.0 * x
    back = np.minimum(fascia, x - 0.05)  # muscles lie behind and above
    front = np.minimum(np.minimum(fascia, -x - 0.28), -y - 0.30)
    for muscle in (np.minimum(back, np.abs(y) - 0.16), front):
        canvas.paint(muscle, "muscle")
        canvas.paint(0.012 * (0.18 - np.abs(strands)), "fat", within=muscle - 0.01)
    canvas.paint(curve(fascia, 0.008), "ligament")

    femur = np.maximum(
        ellipse(x, y, (0.0 + shift, -0.27), (0.36, 0.27), angle=0.15),
        np.minimum(0.21 - np.abs(x + 0.02 - shift), -y - 0.30),
    )
    tibia = np.maximum(
        ellipse(x, y, (0.0 + shift, 0.29), (0.37, 0.22), angle=-0.08),
        np.minimum(0.19 - np.abs(x + 0.03 - shift), y - 0.32),
    )
    joint = np.minimum(ellipse(x, y, (shift, 0.02), (0.45, 0.14)), fascia)
    canvas.paint(joint, "fluid", gain=rng.uniform(0.5, 1.0))
    thick = rng.uniform(0.022, 0.034) + 0.006 * fields.draw(1.0, 4.0)
    canvas.paint(femur + thick, "cartilage", within=y + 0.36)
    canvas.paint(tibia + thick, "cartilage", within=0.18 - y)
    for bone in (femur, tibia):
        canvas.paint(bone, "cortical_bone")
        canvas.paint(bone - 0.016, "marrow")
        trabeculae = curve(fields.draw(10.0, 24.0), 0.25)
        canvas.paint(0.02 * trabeculae, "marrow", within=bone - 0.02, gain=0.82)
    physis = curve(y + 0.40 + 0.02 * fields.draw(1.0, 4.0), 0.006)
    canvas.paint(physis, "cortical_bone", within=femur - 0.02)

    for sign in (-1, 1):
        wedge = sign * (x - shift) - 0.14
        height = 0.02 + 0.16 * np.clip(wedge, 0.0, 0.25)
        within = np.minimum(wedge, 0.36 - sign * (x - shift))
        meniscus = np.minimum(within, height - np.abs(y - 0.03))
        canvas.paint(meniscus, "meniscus")
        if rng.uniform() < 0.3:
            tear = curve(y - 0.03 - 0.3 * (x - shift) * sign, 0.008)
            canvas.paint(tear, "fluid", within=meniscus - 0.01)
    patella = ellipse(x, y, (-0.52 + shift, -0.26), (0.085, 0.17), angle=0.1)
    canvas.paint(patella + 0.02, "cartilage", within=x + 0.5 - shift)
    canvas.paint(patella, "cortical_bone")
    canvas.paint(patella - 0.014, "marrow")
    tendon = curve(x + 0.56 - shift - 0.12 * (y - 0.15), 0.020)
    canvas.paint(tendon, "ligament", within=np.minimum(y + 0.12, 0.45 - y))
    cruciate = curve(y - 0.02 + 0.9 * (x - 0.02 - shift), 0.030)
    canvas.paint(cruciate, "ligament", within=0.16 - np.abs(x - shift))
    if rng.uniform() < 0.5:
        where = (rng.uniform(-0.25, 0.25), float(rng.choice([-0.3, 0.32])))
        edema = ellipse(x, y, where, (0.10, 0.08)) + 0.03 * fields.draw(3.0, 7.0)
        canvas.paint(edema, "lesion", within=np.maximum(femur, tibia) - 0.02, gain=0.9)
    for _ in range(rng.integers(2, 6)):
        where = (rng.uniform(0.35, 0.6), rng.uniform(-0.7, 0.7))
        size = rng.uniform(0.012, 0.03)
        canvas.paint(ellipse(x, y, where, (size, size)), "blood")
