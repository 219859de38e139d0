"""Grid: where voxels lie in space, without their values."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medvox.core import affine as aff
from medvox.core.axes import orientation_letters
from medvox.core.errors import GeometryError, UsageError

FloatArray = NDArray[np.float64]

EVEN_TOLERANCE = 0.01
"""Slice distances within 1 % of each other, or within `EVEN_TOLERANCE_MM`, count as even."""
EVEN_TOLERANCE_MM = 1e-3
TILT_TOLERANCE_DEG = 0.06
"""Shear below this moves no voxel of a 512-voxel stack by more than half a voxel: not a tilt."""


class Space(StrEnum):
    """What is known about distances on a grid."""

    PATIENT = "patient"
    """Positions in a patient (LPS) or standard space, in mm."""
    LOCAL = "local"
    """Distances in mm are true, the place in the patient is not known."""
    CALIBRATED = "calibrated"
    """Projection, corrected for magnification (PS3.3 10.7.1.3): mm at the calibrated depth."""
    DETECTOR = "detector"
    """Projection: mm at the detector, larger than in the patient."""
    REGION = "ultrasound-region"
    """mm inside calibrated ultrasound regions only (PS3.3 C.8.5.5)."""
    PIXEL = "unknown"
    """Nothing is known: distances are in pixels."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Positions of (k, j, i) voxel centres.

    Parameters
    ----------
    shape
        Number of slices, rows and columns.
    affine
        4x4, (k, j, i, 1) to LPS mm. A sheared k column is a tilted stack, stored as it is. With
        `slice_origins_mm` it is the best even fit.
    frame_of_reference
        Frame of Reference UID, or None.
    slice_origins_mm
        (k, 3) LPS position of voxel (k, 0, 0) for each slice of an unevenly spaced stack, else None.
    space
        What the millimetres mean.

    Raises
    ------
    GeometryError
        If shape or affine are not usable, or the origins do not advance along the slice normal.
    """

    shape: tuple[int, int, int]
    affine: FloatArray
    frame_of_reference: str | None = None
    slice_origins_mm: FloatArray | None = None
    space: Space = Space.PATIENT

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape) < 1:
            raise GeometryError("grid shape must be three positive numbers", got=self.shape)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "affine", aff.check(self.affine))
        if self.slice_origins_mm is not None:
            object.__setattr__(self, "slice_origins_mm", self._check_origins(self.slice_origins_mm))

    def _check_origins(self, origins: ArrayLike) -> FloatArray:
        points = np.array(origins, dtype=np.float64)
        if points.shape != (self.shape[0], 3) or not np.isfinite(points).all():
            raise GeometryError(
                "slice origins do not fit the grid",
                got=points.shape,
                expected=f"finite ({self.shape[0]}, 3)",
            )
        if len(points) > 1 and (np.diff(points @ self.normal) <= 0).any():
            raise GeometryError("slice origins do not advance along the slice normal")
        points.setflags(write=False)
        return points

    @classmethod
    def pixels(cls, shape: tuple[int, int, int]) -> Grid:
        """Make a grid of unknown scale: one unit a voxel, `Space.PIXEL`."""
        return cls(shape, aff.compose((1, 1, 1), np.eye(3)[:, ::-1], (0, 0, 0)), space=Space.PIXEL)

    @classmethod
    def from_origins(
        cls,
        shape: tuple[int, int, int],
        in_plane: ArrayLike,
        origins_mm: ArrayLike,
        frame_of_reference: str | None = None,
    ) -> Grid:
        """Make the grid of a stack from its slice positions, in the order given.

        Parameters
        ----------
        in_plane
            (3, 2): LPS steps in mm of one row (j) and one column (i).
        origins_mm
            (k, 3) LPS position of the first voxel of each slice, advancing along one normal; k >= 2.

        Returns
        -------
        Grid
            With `slice_origins_mm` only when an affine cannot say it (uneven spacing or drift).
        """
        origins = np.asarray(origins_mm, dtype=np.float64)
        if len(origins) < 2:
            raise GeometryError("a stack needs two slice positions", got=len(origins))
        matrix = np.eye(4)
        matrix[:3, 1:3] = in_plane
        matrix[:3, 0] = (origins[-1] - origins[0]) / (len(origins) - 1)
        matrix[:3, 3] = origins[0]
        grid = cls(shape, matrix, frame_of_reference)
        fitted = grid.to_patient(_column_of_slices(len(origins)))
        step = float(np.linalg.norm(matrix[:3, 0]))
        allowed = max(EVEN_TOLERANCE * step, EVEN_TOLERANCE_MM)
        if np.abs(fitted - origins).max() <= allowed:
            return grid
        return replace(grid, slice_origins_mm=origins)

    # -- what it is ---------------------------------------------------------------------------

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Step lengths along (k, j, i); along k between slice origins, the mean where uneven."""
        return aff.spacing(self.affine)

    @property
    def direction(self) -> FloatArray:
        """(3, 3) LPS unit vectors, one column an index axis."""
        return aff.direction(self.affine)

    @property
    def origin_mm(self) -> FloatArray:
        """LPS position of the centre of voxel (0, 0, 0)."""
        return self.slice_origin_mm(0)

    @property
    def normal(self) -> FloatArray:
        """Unit normal of the slices, the way k grows."""
        return aff.normal(self.affine)

    @property
    def letters(self) -> str:
        """Patient directions that k, j and i run towards, e.g. ``"SPL"``."""
        return orientation_letters(self.affine)

    @property
    def is_even(self) -> bool:
        """Whether one affine holds for all slices."""
        return self.slice_origins_mm is None

    @property
    def tilt_deg(self) -> float:
        """Angle between the stacking direction and the slice normal, in degrees."""
        return aff.shear_deg(self.affine) if self.shape[0] > 1 else 0.0

    @property
    def is_regular(self) -> bool:
        """Whether slices are even and stacked along their normal: fit for reformats and 3D as is."""
        return self.is_even and self.tilt_deg <= TILT_TOLERANCE_DEG

    @cached_property
    def origins_mm(self) -> FloatArray:
        """(k, 3) LPS position of the first voxel of each slice."""
        if self.slice_origins_mm is not None:
            return self.slice_origins_mm
        return aff.apply(self.affine, _column_of_slices(self.shape[0]))

    def slice_origin_mm(self, k: int) -> FloatArray:
        """LPS position of voxel (k, 0, 0)."""
        return np.array(self.origins_mm[k])

    @cached_property
    def depths_mm(self) -> FloatArray:
        """(k,) position of each slice along the normal."""
        return self.origins_mm @ self.normal

    @cached_property
    def slice_extents_mm(self) -> FloatArray:
        """(k,) thickness that each slice stands for: to the midpoints between positions."""
        depths = self.depths_mm
        if len(depths) == 1:
            return np.array([abs(float(self.affine[:3, 0] @ self.normal))])
        gaps = np.diff(depths)
        extents = np.empty(len(depths))
        extents[0], extents[-1] = gaps[0], gaps[-1]
        extents[1:-1] = (gaps[:-1] + gaps[1:]) / 2
        return extents

    @cached_property
    def voxel_volumes_mm3(self) -> FloatArray:
        """(k,) volume of one voxel of each slice, on the stored grid."""
        area = float(np.linalg.norm(np.cross(self.affine[:3, 1], self.affine[:3, 2])))
        return self.slice_extents_mm * area

    # -- from index to patient and back ---------------------------------------------------------

    def to_patient(self, kji: ArrayLike) -> FloatArray:
        """Map (..., 3) voxel indices (fractions allowed) to LPS mm."""
        index = np.asarray(kji, dtype=np.float64)
        if self.slice_origins_mm is None:
            return aff.apply(self.affine, index)
        k = np.arange(self.shape[0])
        base = np.stack([_extend(index[..., 0], k, self.slice_origins_mm[:, n]) for n in range(3)], axis=-1)
        return base + index[..., 1:] @ self.affine[:3, 1:3].T

    def to_voxel(self, points_mm: ArrayLike) -> FloatArray:
        """Map (..., 3) LPS mm to fractional (k, j, i)."""
        points = np.asarray(points_mm, dtype=np.float64)
        if self.slice_origins_mm is None:
            return aff.apply(aff.invert(self.affine), points)
        k = _extend(points @ self.normal, self.depths_mm, np.arange(self.shape[0], dtype=float))
        base = np.stack(
            [_extend(k, np.arange(self.shape[0]), self.slice_origins_mm[:, n]) for n in range(3)],
            axis=-1,
        )
        in_plane = np.linalg.pinv(self.affine[:3, 1:3])
        return np.concatenate([k[..., None], (points - base) @ in_plane.T], axis=-1)

    def contains(self, kji: ArrayLike) -> NDArray[np.bool_]:
        """Whether indices (..., 3) lie within the grid's voxels (half a voxel beyond the centres)."""
        index = np.asarray(kji, dtype=np.float64)
        return np.asarray(((index >= -0.5) & (index <= np.asarray(self.shape) - 0.5)).all(axis=-1))

    def corners_mm(self) -> FloatArray:
        """(8, 3) LPS positions of the outermost voxel centres."""
        last = np.asarray(self.shape) - 1
        return self.to_patient(np.array(np.meshgrid(*[(0, n) for n in last], indexing="ij")).reshape(3, -1).T)

    # -- new grids ----------------------------------------------------------------------------

    def crop(self, window: tuple[slice, slice, slice]) -> Grid:
        """Grid of ``array[..., window]``; steps may be any non-zero number.

        Raises
        ------
        UsageError
            If the window is empty.
        """
        parts = [s.indices(n) for s, n in zip(window, self.shape, strict=True)]
        shape = tuple(len(range(*p)) for p in parts)
        if min(shape) < 1:
            raise UsageError("the window holds no voxel", got=window, expected=f"within {self.shape}")
        local = np.eye(4)
        for axis, (start, _, step) in enumerate(parts):
            local[axis, axis], local[axis, 3] = step, start
        origins = None if self.slice_origins_mm is None else self._crop_origins(parts)
        matrix = self.affine @ local
        if origins is not None:
            matrix[:3, 3] = origins[0]
            if shape[0] > 1:
                matrix[:3, 0] = (origins[-1] - origins[0]) / (shape[0] - 1)
        return replace(self, shape=(shape[0], shape[1], shape[2]), affine=matrix, slice_origins_mm=origins)

    def _crop_origins(self, parts: list[tuple[int, int, int]]) -> FloatArray:
        start = np.array([parts[1][0], parts[2][0]], dtype=float)
        return np.asarray(self.origins_mm[range(*parts[0])] + self.affine[:3, 1:3] @ start)

    def regular(self) -> Grid:
        """Regular grid for reformats and 3D: even slices along the normal, covering every voxel.

        In-plane spacing and orientation are kept. The slice distance is the smallest one stored (but
        no finer than a quarter of the mean); a tilted stack grows along its rows or columns.
        """
        if self.is_regular:
            return self
        depths = self.depths_mm
        gaps = np.diff(depths) if len(depths) > 1 else self.slice_extents_mm
        step = max(float(gaps.min()), float(gaps.mean()) / 4)
        count = max(1, math.ceil((depths[-1] - depths[0]) / step - 1e-6) + 1)
        matrix = self.affine.copy()
        matrix[:3, 0] = self.normal * step
        spacing = np.asarray(self.spacing_mm[1:])
        unit = self.affine[:3, 1:3] / spacing
        offsets = (self.origins_mm - self.origins_mm[0]) @ unit / spacing
        low, high = np.floor(offsets.min(axis=0) + 1e-6), np.ceil(offsets.max(axis=0) - 1e-6)
        matrix[:3, 3] = self.origins_mm[0] + self.affine[:3, 1:3] @ low
        rows, columns = np.asarray(self.shape[1:]) + (high - low).astype(int)
        return Grid((count, int(rows), int(columns)), matrix, self.frame_of_reference, None, self.space)

    # -- comparison ---------------------------------------------------------------------------

    def is_close(self, other: Grid, tolerance_mm: float = 1e-3) -> bool:
        """Whether both grids put every voxel at the same place within `tolerance_mm`."""
        if self.shape != other.shape:
            return False
        corners = np.abs(self.corners_mm() - other.corners_mm()).max()
        slices = np.abs(self.origins_mm - other.origins_mm).max()
        return bool(max(corners, slices) <= tolerance_mm)

    def __eq__(self, other: object) -> bool:
        """Exact equality of shape, positions, frame of reference and meaning."""
        if not isinstance(other, Grid):
            return NotImplemented
        return (
            self.shape == other.shape
            and self.space == other.space
            and self.frame_of_reference == other.frame_of_reference
            and np.array_equal(self.affine, other.affine)
            and np.array_equal(self.origins_mm, other.origins_mm)
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.affine.tobytes(), self.frame_of_reference))

    def __repr__(self) -> str:
        spacing = " × ".join(f"{s:.4g}" for s in self.spacing_mm)
        unit = "px" if self.space is Space.PIXEL else "mm"
        notes = ("" if self.is_even else ", uneven") + (
            f", tilt {self.tilt_deg:.1f}°" if self.tilt_deg > TILT_TOLERANCE_DEG else ""
        )
        return f"Grid({' × '.join(map(str, self.shape))}, {spacing} {unit}, {self.letters}{notes})"


def _column_of_slices(count: int) -> FloatArray:
    index = np.zeros((count, 3))
    index[:, 0] = np.arange(count)
    return index


def _extend(x: Any, xs: Any, ys: Any) -> FloatArray:
    """Linear interpolation that goes on linearly beyond both ends; xs ascending."""
    xs, ys = np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)
    if len(xs) == 1:
        return np.asarray(np.full_like(np.asarray(x, dtype=np.float64), ys[0]))
    n = np.clip(np.searchsorted(xs, x, side="right") - 1, 0, len(xs) - 2)
    return np.asarray(ys[n] + (np.asarray(x) - xs[n]) * (ys[n + 1] - ys[n]) / (xs[n + 1] - xs[n]))
