"""Tissues of the phantom: what each shows on CT, PET and MR.

Values are typical of an adult at 120 kV and 1.5 T, rounded: teaching figures, not measurements.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tissue:
    """Properties of one tissue.

    Parameters
    ----------
    name
        What it is called.
    hu
        CT number without contrast, in HU.
    contrast_hu
        Rise of the CT number in the late arterial phase, in HU.
    mottle_hu
        Amplitude of its natural unevenness on CT, in HU.
    suv
        FDG uptake one hour after injection, SUVbw (g/ml).
    t1_ms, t2_ms
        Relaxation times at 1.5 T.
    density
        Proton density visible to MR, water = 1.
    """

    name: str
    hu: float
    contrast_hu: float = 0.0
    mottle_hu: float = 0.0
    suv: float = 0.0
    t1_ms: float = 900.0
    t2_ms: float = 50.0
    density: float = 0.8


TISSUES: dict[str, Tissue] = {
    t.name: t
    for t in (
        Tissue("air", -1000, density=0.0),
        Tissue("skin", 20, 10, 8, 0.5, 400, 35, 0.5),
        Tissue("fat", -105, 0, 9, 0.25, 260, 80, 0.9),
        Tissue("muscle", 52, 8, 10, 0.6, 950, 45, 0.8),
        Tissue("cortical bone", 1150, 0, 90, 0.4, 500, 1.0, 0.08),
        Tissue("spongy bone", 260, 10, 85, 1.1, 380, 55, 0.65),
        Tissue("marrow", 30, 5, 20, 1.1, 320, 65, 0.8),
        Tissue("tooth", 2200, 0, 100, 0.1, 500, 0.5, 0.02),
        Tissue("cartilage", 95, 0, 12, 0.5, 1000, 35, 0.6),
        Tissue("disc", 85, 0, 8, 0.5, 1100, 80, 0.75),
        Tissue("ligament", 70, 0, 8, 0.4, 900, 10, 0.3),
        Tissue("grey matter", 38, 4, 2, 8.5, 1050, 95, 0.86),
        Tissue("deep grey matter", 39, 4, 2, 9.0, 950, 90, 0.84),
        Tissue("white matter", 29, 2, 2, 2.4, 640, 78, 0.72),
        Tissue("cerebellar grey", 39, 4, 2, 7.0, 1000, 95, 0.85),
        Tissue("fluid", 5, 0, 2, 0.4, 4000, 1500, 1.0),
        Tissue("vitreous", 8, 0, 2, 0.3, 3800, 1400, 0.98),
        Tissue("lens", 80, 0, 3, 0.3, 1000, 30, 0.6),
        Tissue("blood", 42, 255, 3, 1.7, 1500, 180, 0.85),
        Tissue("venous blood", 42, 95, 5, 1.7, 1500, 120, 0.85),
        Tissue("right heart blood", 42, 170, 9, 1.7, 1500, 160, 0.85),
        Tissue("heart muscle", 48, 62, 6, 5.5, 1030, 50, 0.8),
        Tissue("lung", -850, 12, 30, 0.45, 1200, 30, 0.2),
        Tissue("airway wall", -20, 10, 5, 0.5, 900, 40, 0.6),
        Tissue("liver", 56, 30, 6, 2.3, 570, 45, 0.78),
        Tissue("spleen", 48, 75, 10, 1.9, 1050, 80, 0.82),
        Tissue("pancreas", 42, 58, 10, 1.4, 590, 50, 0.8),
        Tissue("kidney cortex", 36, 155, 5, 3.2, 980, 85, 0.85),
        Tissue("kidney medulla", 34, 60, 5, 3.6, 1350, 90, 0.88),
        Tissue("spinal cord", 34, 2, 2, 2.0, 700, 78, 0.72),
        Tissue("ureter urine", 8, 0, 1, 5.0, 3800, 1300, 1.0),
        Tissue("urine", 6, 0, 1, 22.0, 3800, 1300, 1.0),
        Tissue("bile", 8, 0, 2, 0.5, 2500, 600, 1.0),
        Tissue("gland", 60, 40, 6, 1.5, 850, 60, 0.85),
        Tissue("thyroid", 105, 80, 5, 1.5, 850, 65, 0.85),
        Tissue("bowel wall", 42, 35, 8, 1.6, 900, 55, 0.8),
        Tissue("bowel content", 25, 0, 40, 0.8, 700, 70, 0.7),
        Tissue("stomach content", 20, 0, 10, 0.5, 1800, 200, 0.9),
        Tissue("lung tumor", 38, 38, 6, 9.5, 1200, 85, 0.85),
        Tissue("liver tumor", 45, 12, 6, 11.0, 900, 85, 0.85),
        Tissue("lymph node tumor", 45, 35, 5, 7.5, 1100, 85, 0.85),
        Tissue("brain tumor", 42, 45, 4, 10.5, 1300, 130, 0.92),
        Tissue("table", -700),
        Tissue("table shell", 60),
    )
}
