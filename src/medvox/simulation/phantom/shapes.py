"""Shapes of the phantom: ellipsoids, tubes and lofts, joined, cut and blended, in LPS mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

ELLIPSOID, CONE, LOFT, PLANE, TRIANGLE = 0, 1, 2, 3, 4
UNION, CUT, COMMON = 0, 1, 2
ROW = 22
_NO_SECTIONS = np.zeros((0, 6))
_MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A solid, as primitives applied in order (layout: `medvox.simulation.phantom.shape_kernels`).

    Parameters
    ----------
    rows
        (n, ROW) primitives.
    sections
        (m, 6) cross sections of lofts: centre x, y, half-width, depth to the front and to the back,
        exponent.
    rough
        Amplitude and cell size in mm of noise added to the surface; amplitude 0: smooth.
    """

    rows: FloatArray
    sections: FloatArray = field(default_factory=_NO_SECTIONS.copy)
    rough: tuple[float, float] = (0.0, 10.0)

    def roughen(self, amplitude_mm: float, cell_mm: float) -> Shape:
        """Return the shape with an uneven surface."""
        return replace(self, rough=(amplitude_mm, cell_mm))

    def shell(self, thickness_mm: float) -> Shape:
        """Hollow out every primitive to a wall about its surface."""
        rows = self.rows.copy()
        rows[:, 3] = thickness_mm / 2
        return replace(self, rows=rows)

    def join(self, *others: Shape, blend: float = 0.0) -> Shape:
        """Union with `others`, rounded over `blend` mm."""
        return self._apply(UNION, others, blend)

    def cut(self, *others: Shape, blend: float = 0.0) -> Shape:
        """Take `others` away from all before."""
        return self._apply(CUT, others, blend)

    def within(self, *others: Shape, blend: float = 0.0) -> Shape:
        """Keep only what lies in each primitive of `others`."""
        return self._apply(COMMON, others, blend)

    def _apply(self, operation: int, others: Sequence[Shape], blend: float) -> Shape:
        rows, sections = [self.rows], [self.sections]
        start = len(self.sections)
        for other in others:
            part = other.rows.copy()
            part[:, 1] = operation
            part[:, 2] = blend
            part[part[:, 0] == LOFT, 4] += start
            start += len(other.sections)
            rows.append(part)
            sections.append(other.sections)
        return replace(self, rows=np.concatenate(rows), sections=np.concatenate(sections))

    def blended(self, blend: float) -> Shape:
        """Round all joints of this shape over `blend` mm."""
        rows = self.rows.copy()
        rows[:, 2] = blend
        return replace(self, rows=rows)

    def mirrored(self) -> Shape:
        """Return the shape reflected from left to right."""
        rows, sections = self.rows.copy(), self.sections.copy()
        sections[:, 0] *= -1
        solid = rows[:, 0] != LOFT
        rows[solid, 4] *= -1
        ellipsoid = rows[:, 0] == ELLIPSOID
        rows[ellipsoid, 10:19:3] *= -1
        rest = solid & ~ellipsoid
        rows[rest, 7] *= -1
        plate = rows[:, 0] == TRIANGLE
        rows[plate, 10] *= -1
        rows[plate, 14:16] *= -1
        rows[rows[:, 0] == CONE, 12] *= -1
        return replace(self, rows=rows, sections=sections)

    @property
    def is_plain(self) -> bool:
        """Whether it is a union without rounding, which may be painted piece by piece."""
        return bool((self.rows[:, 1] == UNION).all() and (self.rows[:, 2] == 0).all())

    def bounds(self) -> FloatArray:
        """(2, 3) LPS corners of a box that holds the shape."""
        boxes = self.piece_bounds()
        return np.array([boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)])

    def piece_bounds(self) -> FloatArray:
        """(n, 2, 3) LPS corners of boxes that hold the solid primitives (those that are not cuts)."""
        solid = self.rows[self.rows[:, 1] == UNION]
        boxes = np.empty((len(solid), 2, 3))
        for kind, measure in ((ELLIPSOID, _ellipsoid_box), (CONE, _cone_box), (TRIANGLE, _triangle_box)):
            at = solid[:, 0] == kind
            boxes[at] = measure(solid[at])
        for n in np.flatnonzero(solid[:, 0] == LOFT):
            boxes[n] = self._loft_box(solid[n])
        margin = self.rows[:, 2].max() / 4 + self.rows[:, 3].max() + 2 * self.rough[0]
        return np.asarray(boxes + np.array([[-margin], [margin]]))

    def _loft_box(self, row: FloatArray) -> FloatArray:
        first, count = int(row[4]), int(row[5])
        part = self.sections[first : first + count]
        low = [(part[:, 0] - part[:, 2]).min(), (part[:, 1] - part[:, 3]).min(), row[6]]
        high = [(part[:, 0] + part[:, 2]).max(), (part[:, 1] + part[:, 4]).max()]
        return np.array([low, [*high, row[6] + (count - 1) * row[7]]])


def _ellipsoid_box(rows: FloatArray) -> FloatArray:
    reach = np.abs(rows[:, 10:19].reshape(-1, 3, 3) * rows[:, 7:10, None])
    round_ = np.sqrt((reach**2).sum(axis=1))
    extent = np.where(rows[:, 19:20] == 2, round_, reach.sum(axis=1))
    return np.stack([rows[:, 4:7] - extent, rows[:, 4:7] + extent], axis=1)


def _cone_box(rows: FloatArray) -> FloatArray:
    radius = (rows[:, 10:12].max(axis=1) / np.minimum(1.0, rows[:, 15]))[:, None]
    low, high = np.minimum(rows[:, 4:7], rows[:, 7:10]), np.maximum(rows[:, 4:7], rows[:, 7:10])
    return np.stack([low - radius, high + radius], axis=1)


def _triangle_box(rows: FloatArray) -> FloatArray:
    corners = rows[:, 4:13].reshape(-1, 3, 3)
    radius = rows[:, 16:17]
    return np.stack([corners.min(axis=1) - radius, corners.max(axis=1) + radius], axis=1)


def _row(kind: int, values: Sequence[ArrayLike]) -> FloatArray:
    row = np.zeros((1, ROW))
    numbers = np.concatenate([np.atleast_1d(np.asarray(v, dtype=float)).ravel() for v in values])
    row[0, 0] = kind
    row[0, 4 : 4 + len(numbers)] = numbers
    return row


def rotation(axis: str, degrees: float) -> FloatArray:
    """(3, 3) rotation about the x, y or z axis, right-handed."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    a, b = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[a, a] = matrix[b, b] = c
    matrix[a, b], matrix[b, a] = -s, s
    return matrix


def ellipsoid(
    center: ArrayLike,
    radii: ArrayLike,
    turn: FloatArray | None = None,
    exponent: float = 2.0,
) -> Shape:
    """Solid ellipsoid; `turn` rotates it about its centre, exponent 4 and more make it box-like."""
    matrix = np.eye(3) if turn is None else turn.T
    radii = np.broadcast_to(np.asarray(radii, dtype=float), 3)
    return Shape(_row(ELLIPSOID, [center, radii, matrix, exponent]))


def tube(
    points: ArrayLike,
    radii: ArrayLike,
    flat: tuple[ArrayLike, float] | None = None,
) -> Shape:
    """Chain of capsules through `points` (n, 3), radius given once or one a point.

    Parameters
    ----------
    flat
        Direction (3,) or one a segment (n - 1, 3), and by how much the cross section is thinner along it.
    """
    path = np.asarray(points, dtype=float)
    width = np.broadcast_to(np.asarray(radii, dtype=float), len(path))
    axes = np.zeros((len(path) - 1, 3))
    ratio = 1.0
    if flat is not None:
        axes[:] = flat[0]
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        ratio = flat[1]
    rows = [
        _row(CONE, [path[n], path[n + 1], width[n], width[n + 1], axes[n], ratio])
        for n in range(len(path) - 1)
    ]
    return Shape(np.concatenate(rows))


def sheet(points: ArrayLike, thickness_mm: float) -> Shape:
    """Curved plate through a net of points (m, n, 3)."""
    net = np.asarray(points, dtype=float)
    rows = []
    for a, b in np.ndindex(net.shape[0] - 1, net.shape[1] - 1):
        p, q, r, s = net[a, b], net[a + 1, b], net[a, b + 1], net[a + 1, b + 1]
        for corners in ((p, q, r), (s, r, q)):
            normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
            rows.append(_row(TRIANGLE, [*corners, normal / np.linalg.norm(normal), thickness_mm / 2]))
    return Shape(np.concatenate(rows))


def curve(points: ArrayLike, step_mm: float = 6.0) -> FloatArray:
    """Smooth curve (natural cubic spline over chord length) through `points` (n, d), evenly sampled.

    Only the first three columns are positions; further ones (a radius, say) follow along.
    """
    from scipy.interpolate import CubicSpline, PchipInterpolator

    knots = np.asarray(points, dtype=float)
    chord = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(knots[:, :3], axis=0), axis=1))])
    count = max(2, int(np.ceil(chord[-1] / step_mm)) + 1)
    at = np.linspace(0, chord[-1], count)
    if len(knots) < 3:
        return np.asarray(np.stack([np.interp(at, chord, column) for column in knots.T], axis=1))
    place = CubicSpline(chord, knots[:, :3], bc_type="natural")(at)
    if knots.shape[1] == 3:
        return np.asarray(place)
    return np.asarray(np.concatenate([place, PchipInterpolator(chord, knots[:, 3:])(at)], axis=1))


def vessel(points: ArrayLike, step_mm: float = 5.0) -> Shape:
    """Smooth tube through rows of x, y, z, radius."""
    path = curve(points, step_mm)
    return tube(path[:, :3], path[:, 3])


def loft(sections: ArrayLike, step_mm: float = 2.0) -> Shape:
    """Solid with super-elliptic axial sections.

    Parameters
    ----------
    sections
        Rows z, centre x, centre y, half-width, depth to the front (-y), depth to the back (+y), exponent;
        z ascending. Between rows a monotone cubic runs.
    """
    from scipy.interpolate import PchipInterpolator

    table = np.asarray(sections, dtype=float)
    z = np.arange(table[0, 0], table[-1, 0] + step_mm / 2, step_mm)
    z = z[z <= table[-1, 0] + 1e-9]
    rows = np.asarray(PchipInterpolator(table[:, 0], table[:, 1:])(z))
    return Shape(_row(LOFT, [0, len(z), z[0], step_mm]), rows)


def half_space(point: ArrayLike, outward: ArrayLike) -> Shape:
    """Everything behind a plane; for `Shape.cut` and `Shape.within`."""
    normal = np.asarray(outward, dtype=float)
    return Shape(_row(PLANE, [point, normal / np.linalg.norm(normal)]))


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A local coordinate system: columns of `axes` are its x, y, z directions in LPS."""

    origin_mm: FloatArray
    axes: FloatArray

    def at(self, *points: ArrayLike) -> FloatArray:
        """LPS position (n, 3) of local points."""
        return np.asarray(points, dtype=float) @ self.axes.T + self.origin_mm

    def ellipsoid(self, center: ArrayLike, radii: ArrayLike, exponent: float = 2.0) -> Shape:
        """Ellipsoid along the local axes."""
        return ellipsoid(self.at(center)[0], radii, self.axes, exponent)
