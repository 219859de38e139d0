"""Organs of belly and pelvis."""

from __future__ import annotations

import numpy as np

from medvox.simulation.phantom.canvas import Canvas
from medvox.simulation.phantom.shapes import (
    FloatArray,
    Shape,
    curve,
    ellipsoid,
    half_space,
    rotation,
    tube,
    vessel,
)
from medvox.simulation.phantom.trees import grow, points_inside

INSIDE = {"internal fat"}
"""Organs are painted on the empty cavity alone, so that neighbours stay whole."""


def paint_abdomen(canvas: Canvas) -> None:
    """Paint the organs, the most constrained first."""
    for right in (True, False):
        _kidney(canvas, right)
    _pelvis(canvas)
    _liver(canvas)
    _spleen_and_pancreas(canvas)
    _stomach(canvas)
    _colon(canvas)
    _small_bowel(canvas)


def liver() -> Shape:
    """Outline of the liver before its neighbours press on it."""
    shape = ellipsoid((-66, 8, 262), (70, 88, 82)).join(
        ellipsoid((-2, -40, 288), (62, 42, 40)), ellipsoid((-86, 20, 212), (38, 52, 44)), blend=20
    )
    hollow = ellipsoid((-22, 20, 232), (38, 40, 34))
    return shape.cut(hollow, half_space((40, -30, 285), (-0.72, -0.2, 0.66)), blend=12).roughen(0.8, 28)


def _liver(canvas: Canvas) -> None:
    shape = liver()
    canvas.paint(shape, "liver", "liver", only_on=INSIDE, inset_mm=1.0)
    canvas.paint(ellipsoid((-56, -60, 226), (15, 17, 30), rotation("x", 25)), "gallbladder", "bile")
    rng = np.random.default_rng(8)
    for name, root, count, size in (
        ("portal vein", (-28.0, 2.0, 262.0), 110, 6.0),
        ("hepatic vein", (-20.0, 14.0, 326.0), 90, 5.0),
    ):
        tree = grow(root, points_inside(shape, count, 12.0, rng), 1.0, size, rng)
        canvas.paint(tree, name, "venous blood", only_on={"liver"})


def _kidney(canvas: Canvas, right: bool) -> None:
    side = "right" if right else "left"
    sign = -1.0 if right else 1.0
    center = np.array([sign * 62, 46, 218 if right else 230], dtype=float)
    turn = rotation("z", sign * 28) @ rotation("y", sign * 14) @ rotation("x", -12)
    body = ellipsoid(center, (27, 24, 55), turn).cut(
        ellipsoid(center + turn @ (-sign * 27, -5, 0), (14, 14, 19), turn), blend=10
    )
    over = {*INSIDE, "skeletal muscle"}
    canvas.paint(body.roughen(0.8, 16), f"kidney {side}", "kidney cortex", only_on=over)
    for n, angle in enumerate(np.linspace(-150, 150, 11)):
        for tilt in (-0.45, 0.45):
            lift = np.array(
                [sign * (3 + 9 * np.cos(np.radians(angle))), 20 * tilt, 34 * np.sin(np.radians(angle))]
            )
            pyramid = ellipsoid(center + turn @ lift, (7.2, 6.8, 8.5 - 0.1 * n), turn)
            canvas.paint(pyramid, f"kidney {side}", "kidney medulla", only_on={f"kidney {side}"})
    sinus = ellipsoid(center + turn @ (-sign * 8, -3, 0), (10, 8, 24), turn)
    canvas.paint(sinus.roughen(2.0, 9), f"renal sinus {side}", "fat", only_on={f"kidney {side}", *INSIDE})
    basin = vessel([(*(center + turn @ (-sign * 4, -2, 10)), 4), (*(center + turn @ (-sign * 14, -4, 0)), 5),
                    (*(center + turn @ (-sign * 22, -4, -14)), 4)], 4)  # fmt: skip
    canvas.paint(basin, f"ureter {side}", "urine")
    end = center + turn @ (-sign * 22, -4, -14)
    ureter = vessel(
        [
            (*end, 2.4),
            (sign * 38, 18, 165, 2.2),
            (sign * 36, 8, 110, 2.2),
            (sign * 40, 30, 60, 2.2),
            (sign * 18, 2, 26, 2.2),
        ]
    )
    canvas.paint(ureter, f"ureter {side}", "ureter urine", only_on=over)
    adrenal = tube(center + np.array([(-sign * 22, -8, 58), (-sign * 26, -2, 70), (-sign * 16, 6, 58)]), 3.6)
    canvas.paint(adrenal, f"adrenal gland {side}", "gland", only_on=INSIDE)


def _pelvis(canvas: Canvas) -> None:
    bladder = ellipsoid((0, -24, 26), (37, 31, 27)).join(ellipsoid((0, -12, 10), (20, 18, 18)), blend=14)
    canvas.paint(bladder, "urinary bladder", "muscle", inset_mm=-3.0)
    canvas.paint(bladder, "urinary bladder", "urine", inset_mm=0.5)
    canvas.paint(ellipsoid((0, -14, -20), (23, 17, 17)), "prostate", "gland")
    rectum = vessel([(0, 52, -44, 12), (0, 44, -20, 14), (0, 54, 15, 17), (0, 58, 40, 17), (14, 46, 62, 14)])
    canvas.paint(rectum, "rectum", "bowel wall", inset_mm=-2.0)
    canvas.paint(rectum, "rectum", "bowel content", inset_mm=2.0, only_on={"rectum"})


def _spleen_and_pancreas(canvas: Canvas) -> None:
    spleen = ellipsoid((98, 44, 284), (26, 50, 54), rotation("x", 22)).cut(
        ellipsoid((60, 6, 280), (36, 46, 50)), blend=8
    )
    canvas.paint(spleen.roughen(0.7, 22), "spleen", "spleen", only_on=INSIDE)
    pancreas = vessel(
        [(-34, -6, 214, 13), (-26, -14, 228, 14), (2, -26, 236, 10), (34, -10, 248, 10), (70, 22, 266, 8)], 4
    )
    canvas.paint(pancreas.roughen(2.2, 6), "pancreas", "pancreas", only_on=INSIDE)


def _stomach(canvas: Canvas) -> None:
    body = curve(
        [(34, 8, 326, 14), (64, 14, 312, 30), (68, -16, 278, 33), (48, -46, 244, 27), (12, -54, 226, 19),
         (-16, -44, 232, 13), (-36, -28, 230, 12), (-44, -10, 206, 12), (-36, 0, 182, 11), (-8, 2, 176, 11),
         (22, -4, 190, 11)], 4,
    )  # fmt: skip
    shape = tube(body[:, :3], body[:, 3]).blended(3)
    canvas.paint(shape, "stomach", "bowel wall", only_on=INSIDE)
    canvas.paint(shape.roughen(1.6, 9), "stomach", "stomach content", inset_mm=4.0, only_on={"stomach"})
    air = shape.within(half_space((0, -42, 0), (0, 1, 0)))
    canvas.paint(air, "stomach", "air", inset_mm=4.0, only_on={"stomach"})


def _colon(canvas: Canvas) -> None:
    path = curve(
        [(-82, -14, 84, 22), (-94, 2, 120, 26), (-100, 10, 170, 23), (-94, 6, 206, 22), (-70, -40, 200, 20),
         (-36, -64, 176, 19), (4, -70, 164, 19), (48, -64, 184, 19), (82, -30, 232, 19), (98, 8, 250, 19),
         (106, 26, 214, 17), (108, 22, 160, 16), (98, 4, 112, 16), (72, -18, 84, 16), (44, 6, 86, 16),
         (20, 30, 92, 15), (10, 44, 66, 14)], 3.0,
    )  # fmt: skip
    wave = np.arange(len(path)) * 3.0
    path[:, 3] *= 0.86 + 0.16 * np.abs(np.sin(wave / 26 * np.pi)) ** 0.6
    over = {*INSIDE, "stomach"}
    shape = tube(path[:, :3], path[:, 3])
    canvas.paint(shape, "colon", "bowel wall", only_on=over)
    canvas.paint(shape, "colon", "bowel content", inset_mm=2.2, only_on={"colon"})
    high = path.copy()
    high[:, 1] -= path[:, 3] * 0.42
    high[:, 3] *= 0.62 + 0.25 * np.sin(wave / 75.0)
    canvas.paint(
        tube(high[:, :3], high[:, 3]).roughen(1.5, 10), "colon", "air", inset_mm=2.4, only_on={"colon"}
    )


def _loops() -> list[FloatArray]:
    """Middle lines of small bowel loops."""
    rng = np.random.default_rng(21)
    lines = []
    for level, z in enumerate(np.arange(66, 186, 21.0)):
        for row, y in enumerate((-50.0, -26.0, -2.0)):
            reach = 62 if z > 90 else 46
            x = np.linspace(-reach, reach, 9)[:: 1 if (level + row) % 2 else -1]
            bend = rng.uniform(-10, 10, (9, 2))
            lines.append(np.stack([x, y + bend[:, 0], z + bend[:, 1] + 8 * np.sin(x / 16)], axis=1))
    return lines


def _small_bowel(canvas: Canvas) -> None:
    rng = np.random.default_rng(22)
    for line in _loops():
        path = curve(line, 4.0)
        radius = 10.5 + 1.6 * np.sin(np.arange(len(path)) / 2.1 + rng.uniform(0, 6))
        shape = tube(path, radius)
        canvas.paint(shape, "small bowel", "bowel wall", only_on={*INSIDE})
        canvas.paint(shape, "small bowel", "stomach content", inset_mm=3.2, only_on={"small bowel"})
