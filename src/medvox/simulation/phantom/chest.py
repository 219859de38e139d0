"""Lungs, airways, heart and what lies between the lungs."""

from __future__ import annotations

import numpy as np

from medvox.simulation.phantom.canvas import Canvas
from medvox.simulation.phantom.landmarks import cavity
from medvox.simulation.phantom.shapes import FloatArray, Shape, ellipsoid, half_space, tube, vessel
from medvox.simulation.phantom.skeleton import trunk_depth
from medvox.simulation.phantom.trees import grow, points_inside

HEART_AXIS = np.array([0.62, -0.58, -0.53])
"""From the base of the heart to its apex."""
HILUM = {"right": np.array([-40.0, 12.0, 424.0]), "left": np.array([42.0, 14.0, 428.0])}


def heart_axes() -> FloatArray:
    """(3, 3) columns: towards the left ventricle's free wall, across, and along the heart."""
    along = HEART_AXIS / np.linalg.norm(HEART_AXIS)
    side = np.cross(along, (0, 0, 1.0))
    side /= np.linalg.norm(side)
    return np.stack([side, np.cross(along, side), along], axis=1)


def pericardium() -> Shape:
    """Envelope of the heart."""
    axes = heart_axes()
    shape = ellipsoid((20, -26, 376), (46, 46, 66), axes)
    return shape.join(
        ellipsoid((-22, -14, 384), (32, 36, 40)), vessel([(-2, -20, 410, 30), (0, -10, 450, 22)]), blend=14
    )


def domes() -> Shape:
    """Domes under the diaphragm, right and left."""
    right = ellipsoid((-64, 6, 258), (78, 96, 88))
    left = ellipsoid((64, 6, 250), (76, 96, 80))
    return right.join(left, ellipsoid((0, -30, 262), (60, 66, 66)), blend=18)


def lung(side: str) -> Shape:
    """One lung."""
    sign = 1.0 if side == "left" else -1.0
    spine = [(4, trunk_depth(z) + 14, z) for z in range(215, 571, 15)]
    vessels = vessel(
        [(0, 10, 420, 24), (0, 6, 460, 28), (2, 2, 500, 24), (2, 4, 540, 20), (2, 4, 575, 18)], 12
    )
    return (
        cavity()
        .within(half_space((0, 0, 225), (0, 0, -1)), half_space((sign * 2, 0, 0), (-sign, 0, 0)))
        .cut(domes(), blend=4)
        .cut(*[Shape(row[None]) for row in pericardium().rows], blend=6)
        .cut(*[Shape(row[None]) for row in tube(spine, 26).rows], blend=5)
        .cut(*[Shape(row[None]) for row in vessels.rows], blend=5)
    )


def paint_chest(canvas: Canvas) -> None:
    """Paint lungs, airways, heart, gullet."""
    muscle = domes().within(half_space((0, 0, 262), (0, 0.25, -1)), blend=4)
    canvas.paint(muscle, "diaphragm", "muscle", only_on={"internal fat"}, inset_mm=-2.0)
    canvas.paint(domes(), "internal fat", "fat", only_on={"diaphragm", "internal fat"}, inset_mm=1.6)
    rng = np.random.default_rng(5)
    for side in ("left", "right"):
        shape = lung(side)
        canvas.paint(shape, f"lung {side}", "lung", inset_mm=4.0, only_on={"internal fat", "diaphragm"})
        _lung_trees(canvas, shape, side, rng)
    _heart(canvas)
    _windpipe(canvas)
    gullet = vessel(
        [
            (0, 8, 590, 7),
            (2, 22, 540, 7.5),
            (4, 36, 480, 8),
            (8, 34, 420, 8),
            (14, 26, 360, 9),
            (30, 12, 330, 10),
        ]
    )
    canvas.paint(gullet, "esophagus", "muscle", only_on={"internal fat", "skeletal muscle", "diaphragm"})
    canvas.paint(gullet, "esophagus", "air", inset_mm=5.8, only_on={"esophagus"})


def _lung_trees(canvas: Canvas, shape: Shape, side: str, rng: np.random.Generator) -> None:
    over = {f"lung {side}", "internal fat"}
    hilum = HILUM[side]
    for name, tissue, offset, count, leaf, root in (
        ("pulmonary vein", "blood", (0, 4, -12), 420, 0.75, 6.5),
        ("pulmonary artery", "right heart blood", (0, -4, 6), 460, 0.75, 8.5),
    ):
        tree = grow(hilum + offset, points_inside(shape, count, 7.0, rng), leaf, root, rng)
        canvas.paint(tree, name, tissue, only_on=over)
    airways = grow(hilum + np.array([0, 2, 2]), points_inside(shape, 90, 22.0, rng), 1.1, 6.0, rng)
    canvas.paint(airways, "bronchus", "airway wall", inset_mm=-1.1, only_on=over)
    canvas.paint(airways, "bronchus", "air", only_on={"bronchus"})


def _windpipe(canvas: Canvas) -> None:
    trunk = vessel([(0, -22, 596, 7.5), (0, -14, 570, 8.5), (1, 4, 525, 9), (0, 14, 488, 9.5)])
    forks = [
        vessel([(0, 14, 488, 8), (-18, 14, 462, 7), (*HILUM["right"], 5.5)]),
        vessel([(0, 14, 488, 7), (22, 16, 458, 6.5), (*HILUM["left"], 5.5)]),
    ]
    ring = ellipsoid((0, -27, 596), (19, 15, 17)).cut(ellipsoid((0, -18, 596), (13, 16, 19)), blend=2)
    canvas.paint(ring, "larynx", "cartilage")
    for side in (-1, 1):
        canvas.paint(ellipsoid((side * 15, -20, 566), (9, 10, 21)), "thyroid gland", "thyroid")
    for shape in (trunk, *forks):
        canvas.paint(shape, "trachea", "airway wall", inset_mm=-1.8)
    for shape in (trunk, *forks):
        canvas.paint(shape, "trachea", "air")


def _heart(canvas: Canvas) -> None:
    over = {
        "internal fat",
        "diaphragm",
        "heart",
        "lung left",
        "lung right",
        "pulmonary vein",
        "pulmonary artery",
    }
    axes = heart_axes()
    canvas.paint(pericardium(), "internal fat", "fat", only_on=over, inset_mm=3.0)
    left = np.array([34.0, -26, 370])
    outer = ellipsoid(left, (35, 35, 52), axes)
    right = ellipsoid((2, -50, 372), (27, 36, 46), axes).cut(outer, blend=3)
    chambers = {
        "right atrium": ellipsoid((-34, -10, 384), (23, 25, 31)),
        "left atrium": ellipsoid((2, 18, 402), (31, 17, 22)),
    }
    canvas.paint(right, "heart muscle", "heart muscle")
    canvas.paint(right, "right ventricle", "right heart blood", inset_mm=3.5)
    canvas.paint(outer, "heart muscle", "heart muscle", only_on={*over, "heart muscle"})
    cavity_shape = ellipsoid(left - 7 * axes[:, 2], (23, 23, 41), axes).roughen(1.5, 9)
    canvas.paint(cavity_shape, "left ventricle", "blood")
    for name, shape in chambers.items():
        tissue = "blood" if name == "left atrium" else "right heart blood"
        canvas.paint(shape, "heart muscle", "heart muscle", inset_mm=-2.0, only_on={*over})
        canvas.paint(shape, name, tissue, only_on={*over, "heart muscle"})
