"""Skull, jaw, teeth, eyes, and the air spaces of the head; the brain is `medvox.simulation.phantom.brain`."""

from __future__ import annotations

import numpy as np

from medvox.simulation.phantom.canvas import Canvas
from medvox.simulation.phantom.shapes import Shape, curve, ellipsoid, half_space, rotation, tube, vessel

WALL_MM = 6.0
"""Thickness of the brain case."""


def brain_case() -> Shape:
    """Inside of the brain case: where brain and fluid lie."""
    shape = ellipsoid((0, -4, 746), (66, 84, 60))
    parts = [ellipsoid((0, 44, 700), (52, 36, 34))]
    parts += [ellipsoid((s * 38, -20, 708), (25, 34, 21)) for s in (-1, 1)]
    parts += [tube([(0, 22, 700), (0, 18, 664)], 14)]
    shape = shape.join(*parts, blend=14)
    return shape.cut(half_space((0, -48, 716), (0.0, 0.45, 1.0)), blend=16)


def paint_head(canvas: Canvas) -> None:
    """Paint everything in the head but the brain."""
    _chewing_muscles(canvas)
    _skull(canvas)
    _jaw(canvas)
    _teeth(canvas)
    _eyes(canvas)
    _airway(canvas)
    _atlas_and_axis(canvas)


def _both(shape: Shape) -> list[Shape]:
    pieces = [Shape(row[None]) for row in shape.rows]
    return pieces + [Shape(row[None]) for row in shape.mirrored().rows]


def _rim() -> Shape:
    """Rim of the left eye socket."""
    turn = np.linspace(0, 2 * np.pi, 15)
    ring = np.stack(
        [33 + 19 * np.cos(turn), -80 + 12 * np.cos(turn) ** 2 * (np.cos(turn) > 0), 704 + 18 * np.sin(turn)],
        axis=1,
    )
    return tube(ring, 3.4)


def _skull(canvas: Canvas) -> None:
    case = brain_case()
    name = "skull"
    canvas.paint(_face(), name, "cortical bone")
    canvas.paint(_face(), name, "spongy bone", inset_mm=2.4, only_on={name})
    canvas.paint(case, name, "cortical bone", inset_mm=-WALL_MM)
    canvas.paint(case, name, "spongy bone", inset_mm=2.0 - WALL_MM, only_on={name})
    canvas.paint(case, name, "cortical bone", inset_mm=-1.8)
    base = ellipsoid((0, -14, 690), (28, 26, 11))
    petrous = vessel([(62, 18, 690, 11), (40, 8, 692, 10), (16, -2, 690, 9)])
    mastoid = ellipsoid((57, 26, 680), (12, 15, 22), rotation("y", 10))
    base = base.join(*_both(petrous), *_both(mastoid), blend=5)
    canvas.paint(
        base.roughen(0.8, 6), name, "cortical bone", only_on={"skeletal muscle", "subcutaneous fat", name}
    )
    canvas.paint(base.roughen(0.8, 6), name, "spongy bone", inset_mm=3.0, only_on={name})
    for side in (-1, 1):
        cells = ellipsoid((side * 58, 27, 682), (7, 10, 14)).roughen(4.0, 5)
        canvas.paint(cells, "mastoid air cells", "air")
    canvas.paint(tube([(0, 20, 682), (0, 18, 655)], 15.5), "spinal canal", "fat", only_on={name})
    canvas.paint(case, "brain fluid", "fluid")


def _face() -> Shape:
    maxilla = ellipsoid((0, -68, 664), (33, 23, 25), exponent=2.6)
    cheek = vessel(
        [(32, -76, 680, 8), (46, -67, 681, 9), (56, -50, 685, 5.0), (65, -26, 688, 3.4), (67, -4, 690, 4.5)],
        5,
    )
    outer = vessel([(51, -66, 686, 5), (52, -68, 704, 4), (49, -70, 722, 5.5)], 5)
    bridge = tube([(0, -86, 722), (0, -93, 708), (0, -99, 696)], (7, 4.5, 3))
    wall = tube([(13, -84, 712), (15, -84, 690), (17, -80, 668)], (4, 4, 6))
    plates = tube([(20, -34, 690), (20, -36, 650)], 5)
    brow = vessel([(8, -83, 724, 4), (28, -86, 727, 5), (48, -73, 722, 5)], 5)
    shape = maxilla.join(*_both(cheek), *_both(outer), bridge, *_both(wall), *_both(_rim()), blend=6)
    shape = shape.join(*_both(plates), *_both(brow), blend=6)
    socket = ellipsoid((31, -66, 704), (18.5, 34, 16.5), rotation("z", 14))
    nose = ellipsoid((0, -92, 678), (11.5, 26, 17)).join(ellipsoid((0, -60, 680), (13, 34, 22)))
    return shape.cut(*_both(socket), nose, blend=2).roughen(0.5, 7)


def _jaw(canvas: Canvas) -> None:
    arch = curve([(50, -14, 634), (43, -40, 617), (28, -66, 608), (0, -79, 606)], 7)
    ramus = curve([(53, -4, 686), (54, -8, 664), (50, -14, 634)], 6)
    flat = np.cross(np.diff(arch, axis=0), (0, 0, 1.0))
    body = tube(arch, np.linspace(13.0, 14.5, len(arch)), flat=(flat, 2.2))
    branch = tube(ramus, np.linspace(11, 17, len(ramus)), flat=((1, 0.3, 0), 3.2))
    joint = ellipsoid((54, -3, 688), (9, 5, 6))
    crown = tube([(52, -22, 676), (52, -20, 650)], (4, 8), flat=((1, 0, 0), 2.0))
    chin = ellipsoid((0, -84, 602), (15, 7, 10))
    shape = body.join(*_both(branch), *_both(joint), *_both(crown), *_both(body), chin, blend=4)
    shape = shape.roughen(0.5, 8)
    canvas.paint(shape, "mandible", "cortical bone")
    canvas.paint(shape, "mandible", "spongy bone", inset_mm=2.6, only_on={"mandible"})


def _teeth(canvas: Canvas) -> None:
    """Two rows of sixteen teeth."""
    for upper in (True, False):
        z, back = (638.0, 0.0) if upper else (624.0, 2.0)
        for n, turn in enumerate(np.linspace(-1.33, 1.33, 16)):
            molar = abs(n - 7.5) > 4
            x, y = 27 * np.sin(turn), -46 - back - 40 * np.cos(turn)
            radii = (4.6, 4.6, 8.5) if molar else (3.6, 3.4, 10.0)
            tooth = ellipsoid((x, y, z + (5 if upper else -5)), radii, rotation("z", np.degrees(turn)), 2.6)
            canvas.paint(tooth, "teeth", "tooth")
    tongue = ellipsoid((0, -46, 634), (21, 30, 17)).join(ellipsoid((0, -28, 622), (20, 20, 22)), blend=10)
    canvas.paint(tongue, "tongue", "muscle", only_on={"skeletal muscle", "subcutaneous fat", "skin"})


def _chewing_muscles(canvas: Canvas) -> None:
    over = {"subcutaneous fat"}
    marbled = ellipsoid((0, -58, 660), (47, 38, 52)).roughen(13.0, 8)
    canvas.paint(marbled, "skeletal muscle", "muscle", only_on=over)
    for shape in (
        vessel([(58, -48, 680, 9), (57, -32, 656, 13), (54, -22, 632, 10)], 5),
        ellipsoid((66, -30, 724), (9, 36, 36), rotation("y", -14)),
        vessel([(40, -30, 668, 12), (42, -22, 644, 12)], 5),
        tube([(16, -60, 596), (34, -28, 606)], 12),
        vessel([(0, 62, 690, 30), (0, 50, 660, 44), (0, 36, 630, 50)], 8),
        vessel([(58, 26, 672, 12), (50, 8, 630, 14), (36, -14, 580, 14), (18, -40, 540, 10)], 8),
        ellipsoid((0, -40, 640), (46, 42, 40)),
    ):
        canvas.paint(shape.roughen(0.8, 14), "skeletal muscle", "muscle", only_on=over)
        canvas.paint(shape.mirrored().roughen(0.8, 14), "skeletal muscle", "muscle", only_on=over)


def _eyes(canvas: Canvas) -> None:
    for side in (-1, 1):
        socket = ellipsoid((side * 31, -64, 704), (16.5, 32, 15), rotation("z", side * 14))
        canvas.paint(
            socket,
            "eye socket",
            "fat",
            only_on={"skeletal muscle", "subcutaneous fat", "eye socket", "skull"},
        )
        eye = np.array([side * 32.0, -78, 704])
        for up, out in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            start = eye + np.array([out * 11, 3, up * 11])
            canvas.paint(
                tube(np.array([start, np.array([side * 20, -42, 704])]), (2.2, 1.4)), "eye muscle", "muscle"
            )
        canvas.paint(
            tube(np.array([eye, np.array([side * 18, -38, 706]), np.array([side * 6, -20, 708])]), 1.9),
            "optic nerve",
            "white matter",
        )
        canvas.paint(ellipsoid(eye, 12.2), "eye", "muscle")
        canvas.paint(ellipsoid(eye, 11.2), "eye", "vitreous")
        canvas.paint(ellipsoid(eye - (0, 8.6, 0), (4.8, 2.2, 4.8)), "eye", "lens")


def _airway(canvas: Canvas) -> None:
    """Sinuses, nose, throat."""
    for side in (-1, 1):
        canvas.paint(ellipsoid((side * 26, -64, 672), (12, 15, 15)).roughen(1.2, 8), "sinus", "air")
        canvas.paint(ellipsoid((side * 11, -83, 732), (9, 4, 9)).roughen(1.0, 6), "sinus", "air")
        canvas.paint(ellipsoid((side * 8, -22, 694), (8, 11, 8)), "sinus", "air")
        canvas.paint(ellipsoid((side * 9, -62, 702), (5, 20, 9)).roughen(2.0, 5), "sinus", "air")
        for z, r in ((670, 4.5), (683, 4.0), (694, 2.6)):
            path = [(side * 7.5, -88, z), (side * 7.5, -46, z)]
            canvas.paint(tube(path, r + 2.6), "nasal cavity", "air")
        for z, r in ((668, 3.4), (681, 2.8)):
            canvas.paint(tube([(side * 8.5, -84, z), (side * 8.5, -50, z)], r), "nasal cavity", "gland")
        canvas.paint(tube([(side * 6, -108, 676), (side * 6.5, -90, 676)], 4), "nasal cavity", "air")
    canvas.paint(tube([(0, -92, 686), (0, -46, 684)], 1.2), "nasal cavity", "cartilage")
    throat = vessel(
        [(0, -40, 682, 8), (0, -26, 668, 9), (0, -16, 640, 8), (0, -18, 612, 9), (0, -22, 592, 7)], 4
    )
    canvas.paint(throat, "pharynx", "gland", inset_mm=-2.5)
    canvas.paint(throat, "pharynx", "air")


def _atlas_and_axis(canvas: Canvas) -> None:
    """First two vertebrae: a ring, and a peg that it turns about."""
    turn = np.linspace(0, 2 * np.pi, 17)
    ring = np.stack([22 * np.sin(turn), 17 + 21 * np.cos(turn), np.full(17, 668.0)], axis=1)
    atlas = tube(ring, 4.4)
    for side in (-1, 1):
        mass = ellipsoid((side * 20, 8, 669), (9, 9, 8))
        wing = tube([(side * 24, 12, 668), (side * 40, 14, 668)], (4.5, 4))
        atlas = atlas.join(*[Shape(r[None]) for r in mass.join(wing).rows], blend=4)
    axis = ellipsoid((0, 14, 648), (11, 8.5, 9), exponent=3).join(
        tube([(0, 11, 652), (0, 9, 674)], 5), blend=5
    )
    for side in (-1, 1):
        axis = axis.join(
            tube([(side * 9, 14, 652), (side * 16, 20, 656)], (6, 7)),
            tube([(side * 15, 22, 652), (0, 42, 646)], (4, 4.5)),
            blend=4,
        )
    axis = axis.join(tube([(0, 42, 646), (0, 56, 638)], (5, 6)), blend=4)
    for shape, name in ((atlas, "vertebra C1"), (axis, "vertebra C2")):
        canvas.paint(shape.roughen(0.4, 7), name, "cortical bone")
        canvas.paint(shape.roughen(0.4, 7), name, "spongy bone", inset_mm=1.7, only_on={name})
