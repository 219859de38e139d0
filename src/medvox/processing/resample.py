"""Resampling: values of a volume on another grid, by one interpolation from the stored slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core import settings
from medvox.core.errors import UsageError
from medvox.core.finding import Finding, Level
from medvox.core.grid import TILT_TOLERANCE_DEG, Grid
from medvox.core.progress import Progress, silent, track
from medvox.core.transform import AffineTransform, Transform
from medvox.core.volume import Volume

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]
Order = Literal["nearest", "linear", "cubic"]

_ORDERS: dict[str, int] = {"nearest": 0, "linear": 1, "cubic": 3}
_NATIVE = (np.uint8, np.int16, np.uint16, np.float32, np.float64)
_SLAB = 8


def resample(
    volume: Volume,
    grid: Grid,
    order: Order = "linear",
    transform: Transform | None = None,
    outside: float | None = None,
    progress: Progress = silent,
    dtype: Any = None,
) -> Volume:
    """Bring a volume onto another grid.

    Parameters
    ----------
    volume
        Any axes before k, colour included; its grid may be sheared (tilted) or have uneven slices.
    grid
        Where the values are wanted.
    order
        ``"nearest"``, ``"linear"``, or ``"cubic"``: B-splines that pass through the samples (Unser 1999),
        mirrored at the ends; across uneven slices Lagrange's cubic through the four nearest.
    transform
        Maps points of `grid` to points of `volume` (LPS mm); None: both lie in one space.
    outside
        Value where the volume has no voxel: more than half a voxel beyond its outer voxel centres.
        None: the lowest value of the volume, 0 for colour.
    dtype
        Type of the result, by default `Volume.value_dtype`. Whole types are rounded and clipped.

    Returns
    -------
    Volume
        Values in `volume.unit`; its provenance names `volume` as parent.

    Raises
    ------
    UsageError
        If `order` is unknown, or the volume has a channel axis and whole values are not wanted.

    Notes
    -----
    Between the outer voxel centres and the volume's edge, half a voxel out, the value of the edge holds.
    """
    if order not in _ORDERS:
        raise UsageError("no such interpolation", got=order, expected=tuple(_ORDERS))
    kind = np.dtype(dtype or volume.value_dtype)
    out = np.empty((*volume.shape[:-3], *grid.shape), kind)
    lead_indices = list(np.ndindex(volume.shape[:-3]))
    for index in track(lead_indices, progress, "Resampling"):
        values = _values(volume, index)
        fill = _outside(values, outside, volume.is_colour)
        _fill(_Source.of(values, volume.grid, _ORDERS[order]), grid, transform, fill, out[index])
    known = volume.known_provenance.derive("resample", grid, transform, order=order)
    return volume.derive(out, "resample", grid, provenance=known)


def regular_copy(
    volume: Volume,
    lead: Sequence[int] | None = None,
    order: Order = "linear",
    progress: Progress = silent,
) -> Volume:
    """Volume on a regular grid, for reformats and 3D.

    Parameters
    ----------
    lead
        Position along `volume.lead_axes`, to take (and read) that volume alone; None: all of them.

    Returns
    -------
    Volume
        The volume itself where its grid is regular; else its values on ``grid.regular()``, with the finding
        ``regular-copy`` that says why, and provenance that leads back to the source slices.
    """
    if lead is not None:
        volume = volume.at(**dict(zip(volume.lead_axes, lead, strict=True)))
    if volume.grid.is_regular:
        return volume
    grid = volume.grid.regular()
    copy = resample(volume, grid, order, progress=progress)
    known = volume.known_provenance.derive("regular", grid, order=order)
    return replace(copy, provenance=known, findings=(*volume.findings, _regular_finding(volume)))


def _regular_finding(volume: Volume) -> Finding:
    reasons = []
    if not volume.grid.is_even:
        gaps = np.diff(volume.grid.depths_mm)
        reasons.append(f"slice distances run from {gaps.min():.3g} to {gaps.max():.3g} mm")
    if volume.grid.tilt_deg > TILT_TOLERANCE_DEG:
        reasons.append(f"slices are tilted by {volume.grid.tilt_deg:.1f}°")
    text = f"Reformats and 3D use a regular copy, because {' and '.join(reasons)}."
    return Finding("regular-copy", Level.INFO, volume.label or "volume", text, "PS3.3 C.7.6.2.1.1")


def _values(volume: Volume, index: tuple[int, ...]) -> AnyArray:
    """(k, j, i) values in the unit, at one position of all axes before k, in a type the kernels know."""
    lead = tuple(n for n, name in zip(index, volume.axes, strict=False) if name in volume.lead_axes)
    stored = np.asarray(volume.data[index])
    values = volume.rescale.at((*lead, slice(None))).apply(stored, volume.value_dtype)
    if values.dtype.type not in _NATIVE:
        wide = values.dtype.itemsize > 4 or (values.dtype.kind in "iu" and values.dtype.itemsize == 4)
        values = values.astype(np.float64 if wide else np.float32)
    return np.ascontiguousarray(values)


def _outside(values: AnyArray, outside: float | None, colour: bool) -> float:
    if outside is not None:
        return float(outside)
    if colour:
        return 0.0
    lowest = float(values.min())
    return lowest if np.isfinite(lowest) else float(np.nanmin(np.where(np.isfinite(values), values, np.nan)))


@dataclass(frozen=True, slots=True)
class _Source:
    """Values (or coefficients) with the map from patient space to the kernels' places."""

    data: AnyArray
    grid: Grid
    order: int
    stack: tuple[FloatArray, FloatArray]
    to_place: FloatArray

    @classmethod
    def of(cls, values: AnyArray, grid: Grid, order: int) -> _Source:
        data = values if order < 3 else _coefficients(values, grid.is_even)
        if grid.is_even:
            return cls(data, grid, order, (np.empty(0), np.empty((0, 2))), aff.invert(grid.affine))
        place = np.eye(4)
        place[0, :3] = grid.normal
        place[1:3, :3] = np.linalg.pinv(grid.affine[:3, 1:3])
        offsets = grid.origins_mm @ place[1:3, :3].T
        return cls(data, grid, order, (np.array(grid.depths_mm), np.ascontiguousarray(offsets)), place)


def _coefficients(values: AnyArray, along_k: bool) -> AnyArray:
    """B-spline coefficients (k, j, i); along k only where slices are even."""
    from medvox.processing import resample_kernels as kernels

    data = values.astype(np.float64 if values.dtype == np.float64 else np.float32)
    _threaded(lambda part: kernels.prefilter_rows(data[part]), data.shape[0])
    if along_k:
        _threaded(
            lambda part: [kernels.prefilter_lines(data[:, j]) for j in range(part.start, part.stop)],
            data.shape[1],
        )
    return data


def _fill(source: _Source, grid: Grid, transform: Transform | None, outside: float, out: AnyArray) -> None:
    """Fill `out` (k, j, i) in threads, a slab of slices at a time."""
    working = np.float64 if source.data.dtype == np.float64 else np.float32
    straight = transform is None or isinstance(transform, AffineTransform)
    along = _lines(source, grid, transform) if straight else _points(source, grid, transform)

    def slab(part: slice) -> None:
        values = np.empty((part.stop - part.start, *grid.shape[1:]), working)
        along(part, outside, values)
        out[part] = _as_type(values, out.dtype)

    _threaded(slab, grid.shape[0])


_Filler = Callable[[slice, float, AnyArray], None]


def _lines(source: _Source, grid: Grid, transform: Transform | None) -> _Filler:
    from medvox.processing import resample_kernels as kernels

    moved = transform.matrix if isinstance(transform, AffineTransform) else np.eye(4)
    to_place = source.to_place @ moved
    starts = aff.apply(to_place, grid.origins_mm)
    steps = np.ascontiguousarray((to_place[:3, :3] @ grid.affine[:3, 1:3]).T)
    # what rounding left of zero would hide that rows run along rows, and whole steps are whole
    starts, steps = _clean(starts, 1e-9), _clean(steps, 1e-12)

    def fill(part: slice, outside: float, values: AnyArray) -> None:
        kernels.along_lines(source.data, source.order, starts[part], steps, source.stack, outside, values)

    return fill


def _clean(numbers: FloatArray, tolerance: float) -> FloatArray:
    whole = np.rint(numbers)
    return np.where(np.abs(numbers - whole) < tolerance, whole, numbers)


def _points(source: _Source, grid: Grid, transform: Transform | None) -> _Filler:
    from medvox.processing import resample_kernels as kernels

    def fill(part: slice, outside: float, values: AnyArray) -> None:
        index = np.moveaxis(np.indices((1, *grid.shape[1:]), dtype=np.float64), 0, -1)
        for n, k in enumerate(range(part.start, part.stop)):
            points = grid.to_patient(index + np.array([k, 0, 0]))
            moved = points if transform is None else transform.apply(points)
            places = np.ascontiguousarray(aff.apply(source.to_place, moved).reshape(-1, 3))
            kernels.at_places(source.data, source.order, places, source.stack, outside, values[n].reshape(-1))

    return fill


def _as_type(values: AnyArray, dtype: np.dtype[Any]) -> AnyArray:
    if dtype.kind == "b":
        return values >= 0.5
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return np.clip(np.rint(values), info.min, info.max).astype(dtype)
    return values


def _threaded(work: Callable[[slice], Any], count: int) -> None:
    """Do `work` on parts of ``range(count)``, in as many threads as the settings allow."""
    parts = list(_parts(count))
    threads = min(settings.current().threads, len(parts))
    if threads <= 1:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, parts))


def _parts(count: int) -> Iterator[slice]:
    for start in range(0, count, _SLAB):
        yield slice(start, min(start + _SLAB, count))
