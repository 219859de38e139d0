"""Bones of trunk and limbs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medvox.simulation.phantom.canvas import Canvas
from medvox.simulation.phantom.landmarks import Vertebra, chest_wall, spine_frame, spine_y, vertebrae
from medvox.simulation.phantom.shapes import (
    Shape,
    curve,
    ellipsoid,
    half_space,
    rotation,
    sheet,
    tube,
    vessel,
)

FloatArray = NDArray[np.float64]

RIB_ENDS = (
    (148, 38), (150, 56), (148, 68), (146, 76), (143, 80), (139, 82), (134, 84), (128, 86), (121, 84),
    (112, 80), (86, 62), (52, 34),
)  # fmt: skip
"""How far round (degrees) and down (mm) each bony rib goes, the first rib first."""
STERNUM_Z = (516, 486, 466, 446, 427, 411, 398, 388, 376, 366)
"""Heights where cartilages 1 to 7 meet the sternum, and 8 to 10 the one above."""


def paint_skeleton(canvas: Canvas) -> None:
    """Paint all bones below the skull."""
    spine = vertebrae()
    _ribs(canvas, {v.name: v for v in spine})
    _sternum(canvas)
    _pelvis(canvas)
    for n, vertebra in enumerate(spine):
        _vertebra(canvas, vertebra)
        if n + 1 < len(spine):
            _disc(canvas, vertebra)
    _canal(canvas)
    for side, name in ((False, "left"), (True, "right")):
        _shoulder(canvas, side, name)
        _arm(canvas, side, name)
        _femur(canvas, side, name)


def bone(canvas: Canvas, shape: Shape, name: str, wall_mm: float = 2.2, inside: str = "spongy bone") -> None:
    """Paint a bone: a hard shell with something softer inside."""
    canvas.paint(shape, name, "cortical bone")
    canvas.paint(shape, name, inside, inset_mm=wall_mm, only_on={name})


def _sided(shape: Shape, right: bool) -> Shape:
    return shape.mirrored() if right else shape


def _vertebra(canvas: Canvas, vertebra: Vertebra) -> None:
    rx, ry = vertebra.radii_mm
    high = vertebra.height_mm / 2
    f = vertebra.frame
    level = vertebra.name[0]
    body = f.ellipsoid((0, 0, 0), (rx, ry, high + 0.6), 3.6)
    canal = ry + 9.0
    spinous = {"L": (30.0, -4.0), "T": (34.0, -high * 1.5), "C": (22.0, -4.0)}[level]
    tip = (0, canal + spinous[0] * (1.35 if vertebra.name == "C7" else 1.0), spinous[1])
    arch = tube(f.at((0, canal + 9, 1), tip), (4.2, 4.8), flat=(f.axes[:, 0], 1.6))
    reach = {"L": rx + 19, "T": rx + 20, "C": rx + 8}[level]
    for side in (-1, 1):
        foot = f.at(
            (side * rx * 0.68, ry * 0.6, high * 0.35), (side * (rx * 0.62 + 2), canal - 1, high * 0.3)
        )
        lamina = f.at((side * (rx * 0.62 + 2), canal - 1, high * 0.3), (0, canal + 9.5, -1))
        wing = f.at((side * rx * 0.7, canal - 1, high * 0.2), (side * reach, canal + 4, high * 0.3))
        facet = f.at(
            (side * (rx * 0.6 + 3), canal + 2, high * 1.1), (side * (rx * 0.6 + 2), canal + 4, -high * 1.1)
        )
        arch = arch.join(tube(foot, 4.4), tube(lamina, 3.8), tube(wing, (4.0, 3.0)), tube(facet, (4.2, 4.6)))
    bone(canvas, body.join(*_rows(arch), blend=3.5).roughen(0.5, 7), f"vertebra {vertebra.name}", 1.7)


def _rows(shape: Shape) -> list[Shape]:
    return [Shape(row[None]) for row in shape.rows]


def _disc(canvas: Canvas, vertebra: Vertebra) -> None:
    rx, ry = vertebra.radii_mm
    z = vertebra.height_mm / 2 + vertebra.disc_mm / 2
    shape = vertebra.frame.ellipsoid((0, 0, z), (rx * 0.97, ry * 0.97, vertebra.disc_mm / 2 + 1.2), 3)
    canvas.paint(shape, "intervertebral disc", "disc")


def _canal(canvas: Canvas) -> None:
    """Spinal canal with fluid and cord, from the skull to the sacrum."""
    heights = np.arange(90, 682, 8)
    depth = np.interp(heights, [90, 140, 240, 560, 600, 680], [25, 27, 26, 21, 18, 17])
    path = np.array([spine_frame(float(z)).at((0, d, 0))[0] for z, d in zip(heights, depth, strict=True)])
    canvas.paint(tube(path, 8.6), "spinal canal", "fat")
    canvas.paint(tube(path, 7.0), "spinal canal", "fluid")
    canvas.paint(tube(path[heights > 270], 4.6), "spinal cord", "spinal cord")


def rib_path(number: int, height: float, depth: float) -> FloatArray:
    """(n, 3) middle line of a left rib, from a vertebra at `height` and `depth` to its bony end."""
    end, drop = RIB_ENDS[number - 1]
    out = 7.0 if number > 2 else 5.0
    start = min(30.0, end / 2)
    points = [(16.0, depth + 8.0, height), (32.0, depth + 21.0, height + 1.0)]
    last = (1 - np.cos(np.radians(end))) / 2
    for degrees in np.linspace(start, end, 9):
        f = ((1 - np.cos(np.radians(degrees))) / 2 / last) ** 0.85
        x, y, z = chest_wall(height - drop * f, degrees, out)
        points.append((float(x), float(y), float(z)))
    return curve(points, 7.0)


def _outward(path: FloatArray) -> FloatArray:
    middle = (path[1:] + path[:-1]) / 2 - (0, 15, 0)
    middle[:, 2] = 0
    along = np.diff(path, axis=0)
    return np.cross(np.cross(along, middle), along)


def _ribs(canvas: Canvas, spine: dict[str, Vertebra]) -> None:
    for number in range(1, 13):
        vertebra = spine[f"T{number}"]
        x, y, z = vertebra.center_mm
        path = rib_path(number, z + vertebra.height_mm * 0.45 + x, y)
        shape = tube(path, 6.4, flat=(_outward(path), 1.75)).roughen(0.3, 9)
        for right, side in ((False, "left"), (True, "right")):
            bone(canvas, _sided(shape, right), f"rib {number} {side}", 1.5)
            if number <= 10:
                canvas.paint(_sided(_cartilage(number, path[-1]), right), "costal cartilage", "cartilage")


def _cartilage(number: int, start: FloatArray) -> Shape:
    z = STERNUM_Z[number - 1]
    ends = {8: (30.0, -93.0), 9: (48.0, -92.0), 10: (66.0, -88.0)}
    x, y = ends.get(number, (17.0, -88.0 + max(0.0, (z - 420) * 0.28)))
    low = np.array([(start[0] * 0.62 + x * 0.38), min(start[1], y) - 2, (start[2] * 0.75 + z * 0.25)])
    path = curve(np.array([start, low, np.array([x, y, z])]), 6.0)
    return tube(path, 5.0, flat=(_outward(path), 1.3))


def _sternum(canvas: Canvas) -> None:
    handle = ellipsoid((0, -61, 509), (25, 6.5, 24), rotation("x", -22), 2.6)
    notch = ellipsoid((0, -50, 540), (11, 12, 12))
    blade = ellipsoid((0, -81, 438), (17, 5.5, 55), rotation("x", -12), 3.0)
    tip = tube([(0, -91, 392), (0, -93, 374)], (7, 4), flat=((0, 1, 0.1), 2.0))
    shape = handle.cut(notch, blend=4).join(blade, tip, blend=5)
    bone(canvas, shape.roughen(0.4, 9), "sternum", 1.5)


def _pelvis(canvas: Canvas) -> None:
    _sacrum(canvas)
    for right, side in ((False, "left"), (True, "right")):
        shape = _sided(_hip_bone(), right)
        bone(canvas, shape.roughen(0.7, 11), f"hip bone {side}", 1.8)
        socket = _sided(ellipsoid((90, 6, 0), 27.0).cut(half_space((96, 2, -3), (-1.0, 0.45, 0.5))), right)
        canvas.paint(socket, f"hip joint {side}", "cartilage")
    canvas.paint(ellipsoid((0, -46, -28), (5, 9, 19), exponent=3), "pubic symphysis", "cartilage")


def _hip_bone() -> Shape:
    """Left hip bone: wing, socket, and the ring of pubis and ischium."""
    crest = np.array(
        [(113, -52, 62), (121, -48, 86), (131, -22, 118), (133, 12, 132), (117, 44, 132), (88, 68, 122),
         (52, 84, 100), (44, 84, 78)], dtype=float
    )  # fmt: skip
    root = np.array(
        [(96, -34, 30), (95, -30, 32), (92, -16, 36), (88, 2, 40), (78, 22, 46), (62, 40, 54),
         (46, 55, 66), (44, 70, 68)],
        dtype=float,
    )  # fmt: skip
    middle = (crest + root) / 2 + np.array([[-5, 3, 0]])
    wing = sheet(np.stack([root, middle, crest]), 6.5)
    rim = tube(curve(crest, 8), 6.0)
    socket = ellipsoid((86, 6, 4), (32, 31, 33)).rows
    ring = vessel([(88, -18, 6, 13), (60, -38, 0, 9), (24, -46, -14, 9), (9, -46, -28, 12)])
    low = vessel([(9, -44, -36, 9), (30, -24, -56, 7), (48, 12, -72, 9), (58, 38, -64, 15)])
    seat = vessel([(58, 38, -64, 15), (68, 34, -38, 13), (80, 22, -12, 16)])
    column = vessel([(82, 18, 22, 15), (64, 38, 44, 13), (50, 56, 66, 12), (46, 66, 84, 11)])
    solid = wing.join(*_rows(rim), *_rows(Shape(socket)), blend=7)
    solid = solid.join(*_rows(ring), *_rows(low), *_rows(seat), *_rows(column), blend=6)
    return solid.cut(ellipsoid((94, 5, -1), 27.5), ellipsoid((112, -2, -10), (24, 26, 24)), blend=3)


def _sacrum(canvas: Canvas) -> None:
    base = vessel(
        [(0, 46, 104, 17), (0, 62, 78, 15), (0, 76, 48, 12), (0, 84, 18, 8), (0, 78, -6, 5), (0, 66, -20, 3)],
        6,
    )
    shape = base.blended(5)
    for side in (-1, 1):
        ala = vessel(
            [
                (side * 10, 50, 100, 15),
                (side * 34, 60, 84, 17),
                (side * 26, 72, 58, 13),
                (side * 12, 80, 30, 8),
            ]
        )
        shape = shape.join(*_rows(ala), blend=8)
    shape = shape.join(tube([(0, 92, 90), (0, 100, 60), (0, 98, 36)], (5, 5, 3)), blend=6)
    holes = []
    for n, (y, z) in enumerate(((52, 88), (62, 68), (72, 50), (78, 34))):
        for side in (-1, 1):
            x = side * (20 - 2.4 * n)
            holes.append(tube([(x, y - 14, z - 6), (x, y + 22, z + 10)], 4.6 - 0.5 * n))
    bone(canvas, shape.cut(*holes, blend=2).roughen(0.6, 9), "sacrum", 1.7)


def _shoulder(canvas: Canvas, right: bool, side: str) -> None:
    clavicle = vessel(
        [
            (16, -50, 531, 10),
            (42, -57, 537, 6.5),
            (80, -42, 545, 6),
            (118, -8, 553, 6),
            (150, 16, 557, 7.5),
            (163, 22, 556, 7),
        ]
    )
    bone(canvas, _sided(clavicle.roughen(0.3, 9), right), f"clavicle {side}", 1.8)
    medial = np.array(
        [(76, 88, 546), (66, 104, 520), (66, 115, 480), (74, 120, 440), (88, 118, 405)], dtype=float
    )
    lateral = np.array(
        [(128, 62, 548), (141, 58, 524), (128, 84, 490), (112, 102, 450), (96, 114, 408)], dtype=float
    )
    mid = (medial + lateral) / 2 + np.array([[0, 7, 0]])
    blade = sheet(np.stack([medial, mid, lateral]), 4.2)
    ridge = curve(
        [(68, 108, 516), (95, 116, 526), (125, 106, 542), (152, 82, 555), (170, 52, 560), (168, 28, 558)], 7
    )
    spine = tube(ridge, 10.0, flat=((0, 0.35, 1), 2.2))
    border = tube(curve(lateral[1:], 8), 5.0)
    glenoid = tube([(138, 60, 524), (149, 50, 524)], (9, 15), flat=((0.7, -0.6, 0), 1.8))
    coracoid = vessel([(138, 48, 540, 7), (140, 24, 548, 6.5), (147, 8, 538, 5.5)])
    whole = blade.join(*_rows(spine), *_rows(border), *_rows(glenoid), *_rows(coracoid), blend=5)
    bone(canvas, _sided(whole.roughen(0.4, 9), right), f"scapula {side}", 1.8)


def _arm(canvas: Canvas, right: bool, side: str) -> None:
    head = ellipsoid((170, 36, 526), 23).join(ellipsoid((186, 28, 524), (14, 17, 19)), blend=6)
    shaft = vessel(
        [(178, 32, 520, 18), (186, 30, 484, 12.5), (196, 30, 400, 11), (203, 32, 310, 11), (206, 32, 285, 14)]
    )
    elbow = tube([(184, 32, 268), (226, 30, 268)], (12, 11))
    humerus = head.join(*_rows(shaft), *_rows(elbow), blend=7)
    bone(canvas, _sided(humerus.roughen(0.4, 12), right), f"humerus {side}", 3.0)
    ulna = vessel(
        [(199, 48, 282, 9), (198, 36, 262, 11), (200, 26, 220, 7.5), (196, 4, 120, 6), (190, -12, 46, 5.5)]
    )
    radius = vessel(
        [(216, 26, 254, 9.5), (213, 20, 232, 6.5), (215, 2, 150, 7), (213, -16, 70, 8), (210, -22, 40, 12)]
    )
    for shape, name in ((ulna, "ulna"), (radius, "radius")):
        bone(canvas, _sided(shape.roughen(0.3, 12), right), f"{name} {side}", 2.6)
    bone(canvas, _sided(_hand(), right), f"hand {side}", 1.5)


def _hand() -> Shape:
    """Left hand: wrist and five rays, the palm to the thigh."""
    pieces = [
        ellipsoid((202 - 3 * (n % 2), -27 + 8 * (n // 2), 24 - 9 * (n % 2)), (5, 5.5, 6)) for n in range(8)
    ]
    for n in range(4):
        y = -20 + 13 * n - 8
        joints = curve(
            [
                (201, -18 + 8 * n, 10),
                (202, y, -42),
                (199, y - 1 + n, -80),
                (192, y + n, -104),
                (185, y + n, -122),
            ],
            60,
        )
        joints = np.array(
            [(201, -18 + 8 * n, 10), (203, y, -44), (200, y, -82), (193, y + n, -106), (186, y + n, -124)]
        )
        for a, b, r in zip(joints[:-1], joints[1:], (4.4, 3.9, 3.4, 2.8), strict=True):
            pieces.append(
                tube(
                    [a + (b - a) * 0.07, a + (b - a) * 0.5, a + (b - a) * 0.93], (r * 1.25, r * 0.85, r * 1.2)
                )
            )
    thumb = np.array([(196, -28, 8), (186, -50, -18), (180, -60, -46), (177, -64, -68)], dtype=float)
    for a, b, r in zip(thumb[:-1], thumb[1:], (4.8, 4.2, 3.4), strict=True):
        pieces.append(tube([a, a + (b - a) * 0.5, b], (r * 1.2, r * 0.85, r * 1.15)))
    return pieces[0].join(*pieces[1:])


def _femur(canvas: Canvas, right: bool, side: str) -> None:
    head = ellipsoid((90, 6, 0), 24)
    neck = vessel([(92, 6, 0, 17), (120, 8, -18, 15.5), (136, 12, -30, 17)])
    trochanter = vessel([(144, 20, -8, 10), (147, 16, -30, 15), (140, 12, -60, 16)])
    lesser = ellipsoid((122, 30, -62), (10, 10, 13))
    shaft = vessel([(138, 12, -50, 18), (132, 4, -110, 15), (125, -4, -200, 15)])
    shape = head.join(*_rows(neck), *_rows(trochanter), lesser, *_rows(shaft), blend=8).roughen(0.4, 12)
    bone(canvas, _sided(shape, right), f"femur {side}", 2.6)
    marrow = vessel([(136, 10, -72, 7), (131, 4, -110, 8), (125, -4, -200, 8)])
    canvas.paint(
        _sided(shaft, right), f"femur {side}", "cortical bone", only_on={f"femur {side}"}, inset_mm=0.5
    )
    canvas.paint(_sided(marrow, right), f"femur {side}", "marrow")


def trunk_depth(z: float) -> float:
    """Depth of the front of the vertebral bodies at a height."""
    return spine_y(z) - float(np.interp(z, [100, 290, 560, 690], [18, 16, 11, 8]))
