"""Bias field: the slowly varying gain of coils, tubes and lamps, estimated and divided out (N4).

The method is N4 (Tustison et al., IEEE Trans Med Imaging 29(6), 2010): sharpen the histogram of log
intensities (Sled et al., IEEE Trans Med Imaging 17(1), 1998), fit B-splines to what sharpening changed (Lee,
Wolberg, Shin, IEEE Trans Vis Comput Graph 3(3), 1997), add, and go to finer splines. Voxels lie on a raster,
so the fit of scattered data is done one axis after another: tens of times faster at the same result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap
from medvox.core.progress import Progress, silent
from medvox.core.steps import Setting, step
from medvox.core.volume import Volume

Floats = NDArray[np.float32]

FITTED_SPACING_MM = 4.0
"""The field is fitted on every n-th voxel, so that they lie about so far apart."""
MOST_SHRINK = 8
FEWEST_VOXELS = 64
_TINY = 1e-10


@dataclass(frozen=True, slots=True)
class BiasCorrection:
    """Result of `bias_field`.

    Parameters
    ----------
    corrected
        The volume divided by the field, float32, in its unit.
    field
        The gain, mean 1 over the mask, on the same grid.
    iterations
        Done on each level.
    converged
        Whether the finest level came below the tolerance before its iterations ran out.
    shrink
        Every how many voxels the field was fitted, along k, j, i.
    """

    corrected: Volume
    field: Volume
    iterations: tuple[int, ...]
    converged: bool
    shrink: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Fit:
    """How a field is fitted; see `bias_field`."""

    levels: int = 4
    iterations: int = 50
    tolerance: float = 1e-3
    control_points: tuple[int, int, int] = (4, 4, 4)
    fwhm: float = 0.15
    noise: float = 0.01
    bins: int = 200


@step("bias-field", family="process")
def bias_field(  # noqa: PLR0913
    volume: Volume,
    mask: LabelMap | None = None,
    *,
    shrink: Annotated[int, Setting(minimum=0, maximum=MOST_SHRINK)] = 0,
    levels: Annotated[int, Setting(minimum=1, maximum=8)] = 4,
    iterations: Annotated[int, Setting(minimum=1, maximum=1000)] = 50,
    tolerance: Annotated[float, Setting(minimum=0)] = 1e-3,
    control_points: tuple[int, int, int] = (4, 4, 4),
    slice_by_slice: bool = False,
    progress: Progress | None = None,
) -> BiasCorrection:
    """Estimate the slowly varying gain of an image (N4) and divide it out.

    For MR coils; also for X-ray and CT cupping and for microscope shading, where values are positive and the
    background is masked out. Of a series in time one field is fitted to the mean.

    Parameters
    ----------
    volume
        Image; values that are not above 0 take no part in the fit.
    mask
        Where the field is fitted, any segment; by default what lies above the middle between air and Otsu's
        threshold, dark tissue with it.
    shrink
        Fit on every n-th voxel; 0: so that fitted voxels lie about 4 mm apart.
    levels
        Levels of ever finer splines, each twice as fine.
    iterations
        Most iterations of a level.
    tolerance
        A level ends when the field changes by less: standard deviation over mean of the ratio.
    control_points
        Of the coarsest spline along k, j, i, at least 4.
    slice_by_slice
        Fit each slice alone (stacks of 2D acquisitions, sections).

    Returns
    -------
    BiasCorrection
        Corrected image, field, and how the fit went; the finding ``not-converged`` where it ran out of
        iterations.

    Raises
    ------
    UsageError
        If there is color, a value that is not finite, a constant image, or too little to fit.
    """
    report = progress or silent
    values, inside = _values(volume), _inside(volume, mask)
    fit = Fit(levels, iterations, tolerance, control_points)
    if min(control_points) < 4:
        raise UsageError("a cubic spline needs 4 control points", got=control_points, expected="4 or more")
    steps = _steps(volume.grid, shrink, slice_by_slice)
    if slice_by_slice:
        parts = []
        for k in range(len(values)):
            report(k, len(values), "Fitting the bias field")
            parts.append(
                fit_field(values[k][None], inside[k][None], _depths(volume.grid)[k : k + 1], steps, fit)
            )
        log_field = np.concatenate([part[0] for part in parts])
        done = max((part[1] for part in parts), key=sum)
        converged = all(part[2] for part in parts)
    else:
        log_field, done, converged = fit_field(
            values,
            inside,
            _depths(volume.grid),
            steps,
            fit,
            lambda n, of: report(n, of, "Fitting the bias field"),
        )
    report(1, 1, "Fitting the bias field")
    gain = np.exp(log_field - log_field[inside].mean())
    known = volume.known_provenance.derive("bias-field", volume.grid, shrink=steps, levels=levels)
    whole = volume.values(np.float32)
    findings = volume.findings if converged else (*volume.findings, _not_converged(volume, sum(done)))
    corrected = volume.derive(whole / gain, "bias-field", provenance=known, findings=findings)
    field = Volume(gain, volume.grid, unit="1", meaning="bias field", label="bias field", provenance=known)
    return BiasCorrection(corrected, field, done, converged, steps)


def _not_converged(volume: Volume, iterations: int) -> Finding:
    text = (
        f"The bias field still changed after {iterations} iterations; look at it before you use the result."
    )
    return Finding("not-converged", Level.WARNING, volume.label or "volume", text, "Tustison 2010")


def _values(volume: Volume) -> Floats:
    """(k, j, i) values that the field is fitted to: the mean over all axes before."""
    if volume.is_colour:
        raise UsageError("a bias field needs one value a voxel", got="color", advice="Choose a channel.")
    values = volume.values(np.float32)
    while values.ndim > 3:
        values = values.mean(axis=0, dtype=np.float64).astype(np.float32)
    if not np.isfinite(values).all():
        raise UsageError(
            "the image has values that are not finite",
            got=f"{int((~np.isfinite(values)).sum())} voxels",
            advice="Replace them first, e.g. by 0.",
        )
    return values


def _inside(volume: Volume, mask: LabelMap | None) -> NDArray[np.bool_]:
    values = _values(volume)
    if mask is None:
        if values.max() <= 0 or values.min() == values.max():
            raise UsageError("the image is constant or has no value above 0: there is no field to find")
        threshold = otsu_threshold(values)
        air = float(np.median(values[values <= threshold]))
        inside = values > max(0.0, (air + threshold) / 2)
    else:
        if mask.grid.shape != volume.grid.shape:
            raise UsageError("the mask lies on another grid", got=mask.grid.shape, expected=volume.grid.shape)
        inside = (mask.data > 0).any(axis=0) & (values > 0)
    if int(inside.sum()) < FEWEST_VOXELS:
        raise UsageError(
            "too few voxels to fit a field to", got=int(inside.sum()), expected=f"{FEWEST_VOXELS} or more"
        )
    found: NDArray[np.bool_] = inside
    return found


def otsu_threshold(values: NDArray[Any], bins: int = 256) -> float:
    """Value that parts a histogram into two classes of least variance (Otsu, IEEE Trans SMC 9(1), 1979)."""
    counts, edges = np.histogram(values, bins)
    centers = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    mean_below = np.cumsum(counts * centers) / np.maximum(below, 1)
    mean_above = ((counts * centers).sum() - np.cumsum(counts * centers)) / np.maximum(above, 1)
    return float(edges[1 + int(np.argmax((below * above * (mean_below - mean_above) ** 2)[:-1]))])


def _steps(grid: Grid, shrink: int, slice_by_slice: bool) -> tuple[int, int, int]:
    """Every how many voxels the field is fitted; an axis keeps at least 8."""
    sizes = (float(np.mean(grid.slice_extents_mm)), *np.linalg.norm(grid.affine[:3, 1:3], axis=0))
    wanted = [shrink or round(FITTED_SPACING_MM / max(size, _TINY)) for size in sizes]
    most = [max(1, count // 8) for count in grid.shape]
    k, j, i = (max(1, min(step, limit, MOST_SHRINK)) for step, limit in zip(wanted, most, strict=True))
    return (1 if slice_by_slice else k, j, i)


def _depths(grid: Grid) -> NDArray[np.float64]:
    """(k,) place of each slice in 0..1, uneven distances kept."""
    depths = np.abs(grid.depths_mm - grid.depths_mm[0])
    return depths / depths[-1] if len(depths) > 1 and depths[-1] > 0 else np.zeros(len(depths))


def fit_field(
    values: Floats,
    inside: NDArray[np.bool_],
    depths: NDArray[np.float64],
    shrink: tuple[int, int, int],
    fit: Fit,
    report: Any = lambda done, total: None,
) -> tuple[Floats, tuple[int, ...], bool]:
    """Fit the logarithm of the field.

    Parameters
    ----------
    values
        (k, j, i).
    inside
        (k, j, i) where to fit; values above 0 there.
    depths
        (k,) place of each slice along the stack, 0..1.
    shrink
        Every how many voxels, along k, j, i.
    fit
        How.
    report
        Called with the iterations done and the most that there can be.

    Returns
    -------
    array
        (k, j, i) logarithm of the field at every voxel.
    iterations
        Done on each level.
    converged
        Whether the finest level came below the tolerance.
    """
    places = [depths, *(np.arange(n) / max(n - 1, 1) for n in values.shape[1:])]
    cut = tuple(slice(min(s // 2, n - 1), None, s) for s, n in zip(shrink, values.shape, strict=True))
    fitted, where = values[cut], inside[cut] & (values[cut] > 0)
    if int(where.sum()) < FEWEST_VOXELS // 2:
        cut, fitted, where = (slice(None),) * 3, values, inside & (values > 0)
    flat = len(depths) == 1
    points: tuple[int, ...] = (1 if flat else fit.control_points[0], *fit.control_points[1:])
    loop = _Fitting(fitted, where, [place[one] for place, one in zip(places, cut, strict=True)], fit)
    lattice = np.zeros(points, np.float32)
    done: list[int] = []
    converged, most = False, fit.levels * fit.iterations
    for level in range(fit.levels):
        if level:
            lattice = _refined(lattice)
        lattice, count, converged = loop.level(lattice, lambda n: report(sum(done) + n, most))
        done.append(count)
    return (
        spline([Basis.at(p, n) for p, n in zip(places, lattice.shape, strict=True)], lattice),
        tuple(done),
        converged,
    )


class _Fitting:
    """The voxels that are fitted, and the field there so far.

    Parameters
    ----------
    values
        (k, j, i) positive where `where`.
    where
        (k, j, i).
    places
        Place of each voxel along each axis, 0..1.
    fit
        How.
    """

    def __init__(
        self, values: Floats, where: NDArray[np.bool_], places: Sequence[NDArray[np.float64]], fit: Fit
    ) -> None:
        self._fit, self._places, self._shape = fit, places, values.shape
        self._where = where.astype(np.float32)
        self._index = np.flatnonzero(where)
        self._log = np.log(values.ravel()[self._index])
        self._field = np.zeros_like(self._log)

    def level(self, lattice: Floats, report: Any) -> tuple[Floats, int, bool]:
        """Iterate with splines of the size of `lattice`; return it, iterations, and whether it settled."""
        from medvox.processing.bias_kernels import residuals

        fit = self._fit
        bases = [Basis.at(place, count) for place, count in zip(self._places, lattice.shape, strict=True)]
        squares, cubes = [b.to(2) for b in bases], [b.to(3) for b in bases]
        total = [square.weights.sum(axis=1) for square in squares]
        weights = 1 / (total[0][:, None, None] * total[1][:, None] * total[2])
        weights = weights.astype(np.float32).ravel()[self._index]
        share = contract(squares, self._where)
        share = np.divide(1, share, out=np.zeros_like(share), where=share > _TINY)
        rest, scattered = np.empty_like(self._log), np.zeros(self._where.size, np.float32)
        for done in range(1, fit.iterations + 1):
            report(done - 1)
            now = self._log - self._field
            low, high = float(now.min()), float(now.max())
            width = max((high - low) / (fit.bins - 1), _TINY)
            residuals(now, low, width, sharpened(now, low, width, fit), weights, rest)
            scattered[self._index] = rest
            change = contract(cubes, scattered.reshape(self._shape)) * share
            moved = spline(bases, change).ravel()[self._index]
            lattice = lattice + change
            self._field += moved
            ratio = np.exp(moved)
            if float(ratio.std() / ratio.mean()) < fit.tolerance:
                return lattice, done, True
        return lattice, fit.iterations, False


def sharpened(values: Floats, low: float, width: float, fit: Fit) -> NDArray[np.float64]:
    """Expected true log intensity for each bin of the observed ones (Sled 1998, equations 10 to 13).

    Parameters
    ----------
    values
        Log intensities.
    low, width
        Center of the first bin, and distance of the bins.
    fit
        `fwhm` of the Gaussian of the field's log values, `noise` of the Wiener filter, `bins`.

    Returns
    -------
    array
        (bins,).
    """
    from medvox.processing.bias_kernels import histogram

    bins = fit.bins
    size = 2 ** (math.ceil(math.log2(bins)) + 1)
    start = (size - bins) // 2
    observed = np.zeros(size)
    observed[start : start + bins] = histogram(values, low, width, bins)
    sigma = fit.fwhm / width
    distance = np.minimum(np.arange(size), size - np.arange(size))
    gauss = 2 * math.sqrt(math.log(2) / math.pi) / sigma * np.exp(-4 * math.log(2) * (distance / sigma) ** 2)
    blur = np.fft.rfft(gauss)
    wiener = np.conj(blur) / (np.abs(blur) ** 2 + fit.noise)
    true = np.maximum(np.fft.irfft(np.fft.rfft(observed) * wiener, size), 0)
    centers = low + (np.arange(size) - start) * width
    above = np.fft.irfft(np.fft.rfft(centers * true) * blur, size)
    below = np.fft.irfft(np.fft.rfft(true) * blur, size)
    expected = np.divide(above, below, out=np.zeros(size), where=np.abs(below) > 1e-12)
    return expected[start : start + bins]


@dataclass(frozen=True, slots=True)
class Basis:
    """Cubic B-splines along one axis.

    Parameters
    ----------
    count
        Control points.
    first
        (n,) the first one that reaches each place.
    weights
        (n, 4) of that and the following ones; (n, 1) where there is but one control point.
    """

    count: int
    first: NDArray[np.int64]
    weights: Floats

    @classmethod
    def at(cls, places: NDArray[np.float64], count: int) -> Basis:
        """Uniform splines at places 0..1."""
        if count == 1:
            return cls(1, np.zeros(len(places), np.int64), np.ones((len(places), 1), np.float32))
        u = np.clip(places, 0, 1) * (count - 3)
        first = np.minimum(u.astype(np.int64), count - 4)
        f = (u - first)[:, None]
        g = 1 - f
        parts = [g**3, 4 - 6 * f**2 + 3 * f**3, 4 - 6 * g**2 + 3 * g**3, f**3]
        return cls(count, first, (np.concatenate(parts, axis=1) / 6).astype(np.float32))

    def to(self, power: int) -> Basis:
        """Return the weights to a power."""
        return Basis(self.count, self.first, self.weights**power)

    @property
    def axis(self) -> tuple[NDArray[np.int64], Floats]:
        """What the kernels take."""
        return self.first, self.weights

    def matrix(self) -> NDArray[np.float64]:
        """(n, count)."""
        made = np.zeros((len(self.first), self.count))
        for tap in range(self.weights.shape[1]):
            made[np.arange(len(made)), self.first + tap] = self.weights[:, tap]
        return made


def contract(bases: Sequence[Basis], values: Floats) -> Floats:
    """(a, b, c) sums over all voxels of value times basis, one axis after another."""
    from medvox.processing import bias_kernels

    out = np.empty(tuple(one.count for one in bases), np.float32)
    bias_kernels.contract(values, *(one.axis for one in bases), out)
    return out


def spline(bases: Sequence[Basis], lattice: Floats) -> Floats:
    """(k, j, i) values of the spline with these control points."""
    from medvox.processing import bias_kernels

    out = np.empty(tuple(len(one.first) for one in bases), np.float32)
    bias_kernels.evaluate(lattice, *(one.axis for one in bases), out)
    return out


def _refined(lattice: Floats) -> Floats:
    """Return the control points of the same spline with spans half as long; a single one stays."""
    for axis, count in enumerate(lattice.shape):
        if count > 1:
            places = np.linspace(0, 1, 16 * count)
            finer, coarse = (Basis.at(places, n).matrix() for n in (2 * count - 3, count))
            halves = np.linalg.lstsq(finer, coarse, rcond=None)[0]
            lattice = np.moveaxis(np.tensordot(halves.astype(np.float32), lattice, (1, axis)), 0, axis)
    return lattice
