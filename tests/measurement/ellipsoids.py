"""Random ellipsoids on random lattices, and their true sizes from formulas."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ellipe, elliprg

from medvox.core.grid import Grid


@dataclass(frozen=True)
class Ellipsoid:
    """x' Q^-1 x = 1 about a center, mm (k, j, i), with its mask."""

    semi_axes: np.ndarray
    shape: np.ndarray
    center: np.ndarray
    mask: np.ndarray
    grid: Grid

    @property
    def volume_ml(self):
        return 4 / 3 * np.pi * self.semi_axes.prod() / 1000

    @property
    def area(self):
        a, b, c = self.semi_axes**2
        return 4 * np.pi * elliprg(a * b, a * c, b * c)

    def section(self, k):
        """Semi-axes of the ellipse in slice k, the longer one first."""
        inverse = np.linalg.inv(self.shape)
        z = k * self.grid.spacing_mm[0] - self.center[0]
        middle = np.linalg.solve(inverse[1:, 1:], inverse[1:, 0]) * -z
        left = 1 - inverse[0, 0] * z * z + middle @ inverse[1:, 1:] @ middle
        return np.sqrt(np.linalg.eigvalsh(np.linalg.inv(inverse[1:, 1:]) * left))[::-1]


def random_ellipsoid(rng, least=4.0, most=30.0):
    spacing = np.array([rng.uniform(0.5, 2.5), *[rng.uniform(0.5, 1.0)] * 2])
    axes = np.sort(np.exp(rng.uniform(np.log(least), np.log(most), 3)))[::-1]
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    shape = turn @ np.diag(axes**2) @ turn.T
    size = np.ceil(2 * np.sqrt(np.diag(shape)) / spacing).astype(int) + 3
    center = (size / 2 + rng.uniform(-0.5, 0.5, 3)) * spacing
    p = np.linalg.inv(shape)
    k, j, i = np.ogrid[: size[0], : size[1], : size[2]]
    k, j, i = k * spacing[0] - center[0], j * spacing[1] - center[1], i * spacing[2] - center[2]
    form = p[0, 0] * k * k + p[1, 1] * j * j + p[2, 2] * i * i
    form = form + 2 * (p[0, 1] * k * j + p[0, 2] * k * i + p[1, 2] * j * i)
    affine = np.eye(4)
    affine[:3, :3] = np.diag(spacing)[::-1]
    return Ellipsoid(axes, shape, center, form < 1, Grid(form.shape, affine))


def truth(body, found):
    """True values of the quantities in `found`, a MaskSize."""
    per_slice = body.mask.sum(axis=(1, 2))
    sections = {k: body.section(k) for k in np.flatnonzero(per_slice)}
    largest, chosen = sections[per_slice.argmax()], sections[found.in_plane.slice]
    long = 2 * max(s[0] for s in sections.values())
    return {
        "volume": body.volume_ml,
        "surface_area": body.area,
        "equivalent_diameter": 2 * body.semi_axes.prod() ** (1 / 3),
        "major_axis": 2 * body.semi_axes[0],
        "minor_axis": 2 * body.semi_axes[1],
        "least_axis": 2 * body.semi_axes[2],
        "longest_diameter": 2 * body.semi_axes[0],
        "recist_long_diameter": long,
        "recist_short_diameter": 2 * chosen[1],
        "who_product": long * 2 * chosen[1],
        "largest_slice_area": np.pi * largest.prod(),
        "largest_slice_perimeter": 4 * largest[0] * ellipe(1 - (largest[1] / largest[0]) ** 2),
    }
