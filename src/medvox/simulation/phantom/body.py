"""Outside of the body: skin, fat under it, and muscles."""

from __future__ import annotations

import numpy as np

from medvox.simulation.phantom.canvas import Canvas
from medvox.simulation.phantom.landmarks import BODY, CAVITY, cavity, spine_frame
from medvox.simulation.phantom.shapes import Shape, ellipsoid, loft, rotation, vessel

NEAR = 14.0
"""Blend of limbs and trunk in mm."""


def paint_body(canvas: Canvas) -> None:
    """Paint skin, fat, muscles and the empty internal fat."""
    outline = body_outline()
    canvas.paint(outline, "skin", "skin")
    canvas.paint(outline, "subcutaneous fat", "fat", inset_mm=2.0, only_on={"skin"})
    _muscles(canvas)
    canvas.paint(cavity(), "internal fat", "fat")
    _inner_muscles(canvas)


def body_outline() -> Shape:
    """Skin surface of head, trunk, arms and thighs."""
    shape = loft(BODY)
    head = [
        ellipsoid((0, -3, 740), (78, 96, 79)),
        ellipsoid((0, -46, 668), (60, 52, 68)),
        ellipsoid((34, -62, 676), (28, 26, 30)),
        ellipsoid((-34, -62, 676), (28, 26, 30)),
        ellipsoid((0, -60, 722), (58, 36, 26)),
        ellipsoid((0, -62, 616), (38, 34, 22)),
    ]
    shape = shape.join(*head, blend=22)
    shape = shape.join(_nose(), ellipsoid((0, -97, 650), (22, 9, 10)), blend=7)
    for right in (False, True):
        limb = [_thigh(), _arm()]
        for part in limb:
            side = part.mirrored() if right else part
            shape = shape.join(*[Shape(row[None]) for row in side.rows], blend=NEAR)
        ear = ellipsoid((80, 16, 702), (5, 15, 29), rotation("z", 18) @ rotation("x", -12))
        shape = shape.join(ear.mirrored() if right else ear, blend=5)
    return shape


def _nose() -> Shape:
    bridge = ellipsoid((0, -98, 700), (8, 12, 26), rotation("x", -18))
    return bridge.join(ellipsoid((0, -109, 684), (11, 12, 10)), blend=8)


def _thigh() -> Shape:
    return vessel([(88, 8, 30, 80), (95, 8, -40, 84), (94, 6, -120, 80), (92, 4, -220, 72)], 40)


def _arm() -> Shape:
    return vessel(
        [(158, 24, 528, 44), (180, 28, 500, 46), (196, 30, 420, 43), (205, 32, 300, 38), (206, 22, 240, 37),
         (206, 2, 130, 31), (202, -16, 48, 25), (200, -28, -10, 27), (198, -30, -80, 17),
         (192, -30, -118, 11)],
        20,
    )  # fmt: skip


def _muscles(canvas: Canvas) -> None:
    """Muscle mass: the trunk wall, and each limb inside its fat."""
    over = {"subcutaneous fat"}
    name = "skeletal muscle"
    wall = np.array(CAVITY)
    z = wall[:, 0]
    wall[:, 3] += np.interp(z, [-48, 50, 160, 300, 450, 540], [60, 40, 11, 13, 26, 40])
    wall[:, 4] += np.interp(z, [-48, 50, 160, 400, 470, 540], [24, 12, 9, 11, 17, 12])
    wall[:, 5] += np.interp(z, [-48, 50, 110, 160, 300, 450, 540], [18, 36, 40, 34, 12, 10, 14])
    canvas.paint(loft(wall).roughen(1.2, 30), name, "muscle", only_on=over)
    neck = vessel(
        [(0, 32, 545, 66), (0, 18, 580, 58), (0, 15, 610, 49), (0, 16, 660, 48), (0, 34, 690, 40)], 12
    )
    canvas.paint(neck.roughen(1.0, 20), name, "muscle", only_on=over)
    for right in (False, True):
        for shape in (_thigh_muscle(), _arm_muscle(), _chest_muscle(), _buttock(), _shoulder_muscle()):
            canvas.paint(shape.mirrored() if right else shape, name, "muscle", only_on=over)


def _thigh_muscle() -> Shape:
    front = vessel([(100, -26, 40, 28), (108, -24, -40, 44), (104, -22, -220, 44)], 20)
    back = vessel([(72, 36, -30, 32), (86, 34, -90, 38), (88, 30, -220, 38)], 20)
    inner = vessel([(24, -6, -40, 14), (52, 0, -90, 34), (62, 4, -220, 34)], 20)
    outer = vessel([(130, 20, -10, 20), (128, 14, -80, 34), (118, 12, -220, 36)], 20)
    return front.join(back, inner, outer).roughen(1.0, 25)


def _arm_muscle() -> Shape:
    upper = vessel([(182, 20, 500, 34), (192, 16, 440, 31), (200, 20, 340, 28), (204, 26, 280, 26)], 16)
    behind = vessel([(186, 44, 480, 26), (198, 46, 400, 27), (206, 44, 320, 24)], 16)
    fore = vessel([(208, 24, 262, 31), (208, 12, 200, 31), (206, -2, 120, 23), (204, -14, 60, 16)], 16)
    palm = vessel([(200, -26, 10, 15), (199, -30, -40, 14)], 12)
    return upper.join(behind, fore, palm).roughen(0.8, 22)


def _chest_muscle() -> Shape:
    """Pectoral muscle, from the breast bone to the arm."""
    plate = ellipsoid((70, -84, 462), (64, 20, 52), rotation("z", 22))
    return plate.join(vessel([(110, -60, 480, 24), (150, -20, 505, 22), (176, 6, 480, 18)], 12)).roughen(
        1.0, 20
    )


def _buttock() -> Shape:
    return ellipsoid((72, 76, 10), (62, 40, 72), rotation("z", -22)).roughen(1.2, 22)


def _shoulder_muscle() -> Shape:
    """Deltoid, and the muscles on the shoulder blade."""
    cap = ellipsoid((172, 30, 514), (34, 40, 44))
    blade = ellipsoid((112, 96, 480), (52, 18, 64), rotation("z", -28))
    neck = vessel([(40, 42, 590, 26), (80, 44, 568, 22), (130, 44, 556, 14)], 12)
    side = vessel([(140, 60, 500, 20), (148, 40, 440, 16), (146, 30, 380, 10)], 12)
    return cap.join(blade, neck, side).roughen(1.0, 22)


def _inner_muscles(canvas: Canvas) -> None:
    """Psoas and back muscles beside the spine."""
    for right in (False, True):
        psoas = vessel(
            [(28, 36, 270, 8), (36, 26, 210, 17), (46, 22, 150, 21), (64, 2, 90, 22), (84, -28, 20, 17)], 8
        )
        iliacus = vessel([(100, 30, 112, 14), (96, 0, 80, 16), (86, -22, 40, 16)], 8)
        gutter = [
            (*spine_frame(z).at((26, 36 if z < 300 else 32, 0))[0], r)
            for z, r in (
                (95, 20),
                (150, 26),
                (220, 27),
                (300, 22),
                (400, 16),
                (500, 15),
                (560, 16),
                (600, 15),
            )
        ]
        for shape in (psoas.join(iliacus), vessel(gutter, 10)):
            side = shape.mirrored() if right else shape
            canvas.paint(side.roughen(0.8, 18), "skeletal muscle", "muscle")
