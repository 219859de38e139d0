"""Great vessels: aorta and its branches, pulmonary trunk, caval and portal veins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medvox.simulation.phantom.canvas import Canvas
from medvox.simulation.phantom.chest import HILUM
from medvox.simulation.phantom.shapes import Shape, vessel
from medvox.simulation.phantom.skeleton import trunk_depth

Path = Sequence[tuple[float, float, float, float]]

SOFT = {
    "internal fat", "skeletal muscle", "subcutaneous fat", "diaphragm", "pancreas", "small bowel",
    "heart muscle", "vena cava", "vein", "lung left", "lung right", "colon", "stomach", "tongue",
    "pulmonary artery", "pulmonary vein", "right atrium", "left atrium", "renal sinus left",
    "renal sinus right", "esophagus", "portal vein",
}  # fmt: skip
"""What vessels may run through."""

VEINS: tuple[tuple[str, bool, Path], ...] = (
    ("vein", False, ((-17, 8, 158, 9), (-26, 14, 128, 8), (-50, -8, 74, 8), (-62, -36, 24, 8),
                     (-60, -40, -110, 7))),
    ("vein", False, ((-17, 8, 158, 9), (10, 14, 128, 8), (44, -4, 74, 8), (58, -36, 24, 8),
                     (60, -40, -110, 7))),
    ("vena cava", False, ((-28, -10, 400, 10), (-26, -12, 450, 10), (-25, -16, 494, 9.5))),
    ("vein", False, ((-25, -16, 494, 9), (-34, -20, 530, 8), (-36, 2, 580, 7), (-34, 6, 650, 6),
                     (-30, 14, 680, 5))),
    ("vein", False, ((-25, -18, 494, 8.5), (10, -36, 506, 8), (36, -22, 532, 8), (36, 2, 580, 7),
                     (34, 6, 650, 6), (30, 14, 680, 5))),
    ("vein", True, ((36, -22, 532, 7), (80, -16, 540, 6), (130, 0, 532, 5.5), (166, -6, 490, 4.5),
                    (176, 8, 400, 3.5))),
    ("portal vein", False, ((14, -14, 196, 6), (2, -12, 226, 7), (-14, -2, 246, 7.5), (-30, 2, 264, 7.5))),
    ("portal vein", False, ((2, -12, 228, 6), (34, 2, 248, 5), (70, 30, 268, 4.5), (80, 38, 276, 4))),
)  # fmt: skip
"""Structure, whether on both sides, and x, y, z, radius along it."""

CAROTID: Path = ((24, -6, 560, 4.2), (25, -4, 600, 4), (25, 0, 628, 4.4), (24, 8, 655, 3.4), (22, 4, 682, 3))
OUTER_CAROTID: Path = ((25, 0, 628, 3.2), (34, -8, 656, 2.6), (52, 6, 690, 2))
ARM: Path = (
    (70, -4, 546, 4.6), (120, 8, 536, 4.4), (162, 2, 496, 4), (178, 14, 440, 3.4), (188, 16, 360, 3.2),
    (200, 14, 270, 3), (206, -8, 180, 2.4), (208, -26, 60, 2.2),
)  # fmt: skip
LEG: Path = (
    (22, 10, 128, 6.8), (44, -6, 84, 5.8), (62, -34, 36, 5.4), (68, -50, 4, 5.2), (72, -46, -60, 4.6),
    (76, -36, -130, 4.2),
)  # fmt: skip
INNER_ILIAC: Path = ((32, 4, 112, 5), (42, 32, 84, 4.2), (50, 50, 56, 3.2))
DEEP_FEMORAL: Path = ((69, -48, -14, 3.8), (88, -24, -60, 3.4), (94, -10, -130, 3))
RENAL_Z = ((-1, 218.0), (1, 230.0))
"""Side (1 is left) and height of the renal vessels."""


def paint_vessels(canvas: Canvas) -> None:
    """Paint the veins, then the arteries."""
    _veins(canvas)
    _lung_vessels(canvas)
    canvas.paint(aorta(), "aorta", "blood", only_on={*SOFT, "left ventricle", "right ventricle", "aorta"})
    for path in (*_arch(), *_belly(), *_legs()):
        _paint(canvas, vessel(path), "artery", "blood")


def _paint(canvas: Canvas, shape: Shape, name: str, tissue: str, both: bool = False) -> None:
    for side in (shape, shape.mirrored()) if both else (shape,):
        canvas.paint(side, name, tissue, only_on={*SOFT, name})


def _other_side(path: Path) -> Path:
    return [(-x, y, z, r) for x, y, z, r in path]


def _veins(canvas: Canvas) -> None:
    low = [(-17, trunk_depth(z) - 11, z, 10.5) for z in (158, 200, 250)]
    cava = vessel([*low, (-22, 16, 290, 11.5), (-24, 10, 330, 12.5), (-28, -2, 366, 13)])
    canvas.paint(cava, "vena cava", "venous blood", only_on={*SOFT, "liver", "hepatic vein"})
    for name, both, path in VEINS:
        _paint(canvas, vessel(path), name, "venous blood", both)
    for sign, z in RENAL_Z:
        middle = (sign * 24, 12 if sign > 0 else 24, z + 3, 5)
        path = [(sign * 44, 38, z, 5), middle, (-15, trunk_depth(z) - 12, z + 5, 5.5)]
        _paint(canvas, vessel(path), "vein", "venous blood")


def _lung_vessels(canvas: Canvas) -> None:
    root = (18, -10, 438, 11)
    right, left = (HILUM[side] + np.array([0, -4, 6]) for side in ("right", "left"))
    trunk = vessel([(10, -48, 402, 14), (16, -34, 424, 14), (18, -12, 438, 13.5)])
    for shape in (
        trunk,
        vessel([root, (-6, 4, 432, 11), (*right, 8.5)]),
        vessel([root, (32, 8, 440, 10), (*left, 8.5)]),
    ):
        _paint(canvas, shape, "pulmonary artery", "right heart blood")
    for side, sign in (("left", 1), ("right", -1)):
        end = HILUM[side] + np.array([0, 4, -12])
        _paint(canvas, vessel([(sign * 22, 18, 404, 8), (*end, 6.5)]), "pulmonary vein", "blood")


def aorta() -> Shape:
    """Shape of the aorta, from its root to where it forks."""
    down = []
    for z in (440, 400, 360, 320, 280, 240, 200, 165):
        x = float(np.interp(z, [165, 300, 440], [4, 10, 25]))
        gap = float(np.interp(z, [165, 300, 440], [12, 13, 4]))
        down.append(
            (x, trunk_depth(z) - gap, z, float(np.interp(z, [165, 230, 300, 440], [8.5, 9.5, 11, 12.5])))
        )
    arch = [
        (2, -12, 398, 15),
        (-8, -26, 424, 16),
        (-8, -28, 452, 15.5),
        (2, -14, 480, 14.5),
        (15, 10, 488, 13.5),
    ]
    return vessel([*arch, (26, 36, 470, 13), *down])


def _arch() -> list[Path]:
    """Branches of the arch to head and arms."""
    return [
        [(0, -16, 484, 7.5), (-14, -14, 510, 7), (-22, -12, 530, 6.5)],
        [(-22, -12, 528, 5), *_other_side(CAROTID)],
        [(-22, -12, 528, 5.4), (-40, -8, 546, 5), *_other_side(ARM)],
        [(10, 2, 488, 4.6), (18, -4, 520, 4.2), *CAROTID],
        [(20, 22, 486, 5.4), (28, 12, 520, 5), (44, -2, 546, 5), *ARM],
        OUTER_CAROTID,
        _other_side(OUTER_CAROTID),
    ]


def _belly() -> list[Path]:
    """Branches to liver, spleen, bowel and kidneys."""
    paths: list[Path] = [
        [(8, trunk_depth(262) - 14, 262, 4.2), (6, -8, 262, 4), (-10, -14, 262, 3.6), (-30, -8, 270, 3)],
        [(6, -8, 262, 3.8), (26, -2, 262, 3.4), (52, 18, 272, 3.2), (80, 36, 280, 3)],
        [(7, trunk_depth(248) - 14, 248, 4.2), (6, -12, 236, 4), (4, -20, 200, 3.6), (-4, -24, 150, 3),
         (-30, -16, 110, 2.4)],
        [(5, trunk_depth(190) - 13, 190, 3), (16, -6, 160, 2.6), (26, -2, 120, 2.2)],
    ]  # fmt: skip
    for sign, z in RENAL_Z:
        paths.append(
            [(6, trunk_depth(z) - 10, z + 12, 4), (sign * 26, 26, z + 6, 3.6), (sign * 46, 40, z, 3.2)]
        )
    return paths


def _legs() -> list[Path]:
    fork = (4.0, trunk_depth(165) - 12, 165.0, 7.5)
    left: list[Path] = [[fork, *LEG], INNER_ILIAC, DEEP_FEMORAL]
    right: list[Path] = [[fork, *_other_side(LEG)], _other_side(INNER_ILIAC), _other_side(DEEP_FEMORAL)]
    return left + right
