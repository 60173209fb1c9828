"""Tissues with relaxation times and proton densities from the literature, at 1.5 to 3 T.

T1 and T2 in milliseconds, proton density relative to water, texture as relative variation. Values
lie within the ranges collected in Stanisz et al., Magn Reson Med 54 (2005) and de Bazelaire et
al., Radiology 230 (2004); each subject varies around them.
"""

from typing import NamedTuple


class Tissue(NamedTuple):
    label: int
    t1: float
    t2: float
    density: float
    texture: float


VALUES = {  # label, T1, T2, density, texture
    "air": (0, 1000.0, 10.0, 0.0, 0.0),
    "fat": (1, 340.0, 75.0, 0.95, 0.06),
    "skin": (2, 900.0, 35.0, 0.75, 0.10),
    "cortical_bone": (3, 900.0, 4.0, 0.15, 0.30),
    "marrow": (4, 380.0, 60.0, 0.80, 0.09),
    "csf": (5, 4000.0, 1800.0, 1.00, 0.02),
    "gray_matter": (6, 1400.0, 95.0, 0.82, 0.05),
    "white_matter": (7, 900.0, 75.0, 0.70, 0.04),
    "deep_gray": (8, 1200.0, 80.0, 0.80, 0.05),
    "lesion": (9, 1600.0, 170.0, 0.88, 0.10),
    "blood": (10, 1750.0, 200.0, 0.90, 0.05),
    "muscle": (11, 1200.0, 40.0, 0.80, 0.09),
    "cartilage": (12, 1150.0, 38.0, 0.75, 0.06),
    "meniscus": (13, 900.0, 12.0, 0.60, 0.10),
    "ligament": (14, 800.0, 8.0, 0.45, 0.15),
    "fluid": (15, 3200.0, 700.0, 0.98, 0.02),
    "liver": (16, 700.0, 44.0, 0.75, 0.06),
    "spleen": (17, 1150.0, 78.0, 0.80, 0.05),
    "kidney_cortex": (18, 1050.0, 85.0, 0.82, 0.06),
    "kidney_medulla": (19, 1500.0, 100.0, 0.85, 0.06),
    "bowel": (20, 1300.0, 100.0, 0.80, 0.20),
    "disc": (21, 1250.0, 90.0, 0.75, 0.10),
}
TISSUES = {name: Tissue._make(values) for name, values in VALUES.items()}
