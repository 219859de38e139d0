"""Brain: folded cortex, white matter, deep nuclei, ventricles, cerebellum, brain stem."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from medvox.simulation.phantom.canvas import Canvas
from medvox.simulation.phantom.shapes import Shape, ellipsoid, half_space, rotation, tube, vessel

FLUID = "brain fluid"
CENTER = (0.0, 0.0, 738.0)


def paint_brain(canvas: Canvas) -> None:
    """Paint the brain into the fluid of the brain case."""
    _hemispheres(canvas)
    _cerebellum(canvas)
    _stem(canvas)
    _deep(canvas)


def _both(shape: Shape) -> Iterable[Shape]:
    return (shape, shape.mirrored())


def _hemispheres(canvas: Canvas) -> None:
    from medvox.simulation.phantom.brain_kernels import cerebrum

    for sign in (1, -1):
        half = ellipsoid((sign * 0.5, -4, 746), (64.6, 82.4, 58.4))
        half = half.join(ellipsoid((sign * 38, -20, 708), (23.5, 32.5, 19.5)), blend=12)
        half = half.cut(
            half_space((0, -48, 720), (0.0, 0.45, 1.0)),
            half_space((sign * 0.6, 0, 0), (-sign, 0, 0)),
            ellipsoid((0, 40, 690), (58, 48, 34)),
            ellipsoid((0, 2, 690), (19, 22, 30)),
            blend=7,
        )
        _folded(
            canvas,
            half,
            ("cerebral cortex", "grey matter"),
            ("cerebral white matter", "white matter"),
            cerebrum,
        )


def _folded(
    canvas: Canvas, shape: Shape, grey: tuple[str, str], white: tuple[str, str], kernel: object
) -> None:
    numbers = (canvas.part(*grey).number, canvas.part(*white).number)
    allowed = canvas.allowed(frozenset((FLUID, grey[0], white[0])))
    soft = float(np.mean(canvas.grid.spacing_mm))
    box = canvas.boxes(shape.bounds()[None])[0]
    assert callable(kernel)
    kernel(
        canvas.top, canvas.under, canvas.cover, canvas.grid.affine, box, shape.rows, shape.sections,
        canvas.lattice, numbers, allowed, CENTER, soft,
    )  # fmt: skip


def _cerebellum(canvas: Canvas) -> None:
    from medvox.simulation.phantom.brain_kernels import cerebellum

    shape = ellipsoid((22, 46, 698), (27, 30, 24)).join(ellipsoid((-22, 46, 698), (27, 30, 24)), blend=6)
    _folded(canvas, shape, ("cerebellum", "cerebellar grey"), ("cerebellum", "white matter"), cerebellum)


def _stem(canvas: Canvas) -> None:
    stem = vessel([(0, 2, 722, 13), (0, 2, 706, 13), (0, 5, 694, 12), (0, 13, 678, 7.5), (0, 18, 656, 5)], 4)
    canvas.paint(
        stem.blended(2).join(ellipsoid((0, 0, 702), (17, 13, 13)), blend=4), "brain stem", "white matter"
    )
    for side in (-1, 1):
        peduncle = tube([(side * 10, 6, 702), (side * 18, 30, 700)], 7)
        canvas.paint(peduncle, "cerebellum", "white matter", only_on={FLUID, "cerebellum"})
    canvas.paint(ellipsoid((0, 20, 698), (5, 4, 9)), "ventricle", "fluid")


def _deep(canvas: Canvas) -> None:
    """Nuclei, corpus callosum and ventricles, from outside to inside."""
    inner = {"cerebral white matter", "cerebral cortex", FLUID, "deep grey matter"}
    arch = vessel(
        [(0, -34, 736, 4), (0, -26, 750, 4.5), (0, 0, 760, 4), (0, 28, 754, 4.5), (0, 34, 742, 5)], 4
    )
    for x in (-8, 0, 8):
        moved = Shape(arch.rows + np.eye(22)[4] * x + np.eye(22)[7] * x)
        canvas.paint(moved, "corpus callosum", "white matter")
    core = ellipsoid((0, 2, 732), (32, 30, 17)).roughen(3.0, 12)
    canvas.paint(
        core,
        "cerebral white matter",
        "white matter",
        only_on={"cerebral cortex", FLUID, "cerebral white matter"},
    )
    for right in (False, True):
        for shape in (
            ellipsoid((11.5, 6, 732), (9, 15, 10), rotation("z", -20)),
            ellipsoid((25, -6, 730), (6.5, 19, 11), rotation("z", -8)),
            vessel([(13, -26, 738, 6.5), (15, -10, 747, 5), (18, 8, 751, 3.2), (22, 24, 744, 2.2)], 4),
        ):
            canvas.paint(
                shape.mirrored() if right else shape, "deep grey matter", "deep grey matter", only_on=inner
            )
        horn = vessel(
            [
                (6, -32, 740, 3),
                (8, -18, 748, 6),
                (9, 4, 751, 6),
                (15, 26, 746, 7.5),
                (24, 40, 738, 5.5),
                (22, 56, 736, 2.5),
            ],
            4,
        )
        low = vessel([(20, 32, 742, 6), (32, 22, 724, 4), (34, 4, 712, 3), (32, -10, 709, 2)], 4)
        for shape in (horn, low):
            canvas.paint(shape.mirrored() if right else shape, "ventricle", "fluid")
    canvas.paint(ellipsoid((0, 4, 731), (2.4, 14, 9)), "ventricle", "fluid")
    canvas.paint(ellipsoid((0, -14, 697), (5, 4, 4)), "pituitary gland", "gland")
