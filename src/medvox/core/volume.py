"""Volume: values on a grid, with their unit, their sources and how they are usually shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL, check_axes
from medvox.core.errors import UsageError
from medvox.core.finding import Finding
from medvox.core.grid import Grid
from medvox.core.lazy import LazyArray, as_array
from medvox.core.notebook import html_repr
from medvox.core.progress import Progress, silent
from medvox.core.provenance import Provenance, SliceSource
from medvox.core.rescale import IDENTITY, Rescale

AnyArray = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Window:
    """A grey-level window (PS3.3 C.11.2.1.2), in values of the volume's unit."""

    center: float
    width: float
    name: str = ""

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest value that are told apart."""
        return self.center - self.width / 2, self.center + self.width / 2


@dataclass(frozen=True, slots=True)
class Display:
    """How the file asks to be shown; values are never changed by it.

    Parameters
    ----------
    windows
        Windows given in the file, the default first.
    inverted
        Low values are white (MONOCHROME1, or Presentation LUT Shape INVERSE).
    voi_table
        VOI look-up table (PS3.3 C.11.2.1.1) as (first value mapped, output values 0..1), or None.
    frame_rate
        Recommended frames a second of a cine, or None.
    """

    windows: tuple[Window, ...] = ()
    inverted: bool = False
    voi_table: tuple[float, tuple[float, ...]] | None = None
    frame_rate: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Values on a grid.

    Parameters
    ----------
    data
        Stored values (..., k, j, i), numpy or lazy, in the type they were stored in.
    grid
        Where the voxels are.
    axes
        Names of the axes, ending in k, j, i; e.g. ``("time", "k", "j", "i")``.
    unit
        Unit of the rescaled values: ``"HU"``, ``"Bq/ml"``, ``"SUVbw"``, ``"degC"``, ``"1"``.
    rescale
        From stored values to values in `unit`.
    meaning
        What the values are where a unit does not say it (``"display value"``, ``"phase"`` …).
    modality
        DICOM modality code (``"CT"``), or None.
    label
        Short name for lists.
    coordinates
        Positions along the axes before k, e.g. ``{"time": (0.0, 2.5)}`` in seconds.
    scalings
        Other rescales that the file offers, by name: ``"precise"`` (Philips), ``"real-world"``,
        ``"activity"`` and ``"suv"`` (Philips PET in counts); see `scaled`.
    scaling_units
        Units of `scalings`, of those whose unit is not that of the volume.
    display
        How the file asks to be shown.
    provenance
        Where slices came from; by default nothing is known.
    findings
        Oddities that concern this volume.
    """

    data: AnyArray | LazyArray
    grid: Grid
    axes: tuple[str, ...] = SPATIAL
    unit: str = "1"
    rescale: Rescale = IDENTITY
    meaning: str = ""
    modality: str | None = None
    label: str = ""
    coordinates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    scalings: Mapping[str, Rescale] = field(default_factory=dict)
    scaling_units: Mapping[str, str] = field(default_factory=dict)
    display: Display = field(default_factory=Display)
    provenance: Provenance | None = None
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", check_axes(self.axes, len(self.data.shape)))
        if tuple(self.data.shape[-3:]) != self.grid.shape:
            raise UsageError(
                "values do not fit the grid",
                got=self.data.shape,
                expected=f"(..., {self.grid.shape})",
            )
        for name, values in self.coordinates.items():
            if name not in self.axes or len(values) != self.data.shape[self.axes.index(name)]:
                raise UsageError("coordinates do not fit the axis", where=name, got=len(values))
        if self.provenance is None:
            object.__setattr__(self, "provenance", Provenance(self.grid, operation="made"))

    # -- values -------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return tuple(self.data.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored values."""
        return self.data.dtype

    @property
    def lead_shape(self) -> tuple[int, ...]:
        """Sizes of the axes before k, channels left out."""
        pairs = zip(self.axes[:-3], self.shape[:-3], strict=True)
        return tuple(size for name, size in pairs if name != CHANNEL)

    @property
    def lead_axes(self) -> tuple[str, ...]:
        """Names of the axes before k, channels left out."""
        return tuple(name for name in self.axes[:-3] if name != CHANNEL)

    @property
    def channels(self) -> int:
        """Number of colour channels; 1 where there is no channel axis."""
        return self.shape[self.axes.index(CHANNEL)] if CHANNEL in self.axes else 1

    @property
    def is_lazy(self) -> bool:
        """Whether values are still to be read."""
        return not isinstance(self.data, np.ndarray)

    @property
    def is_colour(self) -> bool:
        """Whether there is a channel axis."""
        return CHANNEL in self.axes

    def load(self, progress: Progress = silent) -> Volume:
        """Return the same volume with its stored values in memory."""
        return replace(self, data=as_array(self.data, progress)) if self.is_lazy else self

    def values(self, dtype: Any = None, progress: Progress = silent) -> AnyArray:
        """Read all values in `unit`.

        Parameters
        ----------
        dtype
            Type of the result; by default `value_dtype`.
        """
        stored = as_array(self.data, progress)
        return self.rescale.apply(stored, dtype or self.value_dtype, 1 if self.is_colour else 0)

    @property
    def value_dtype(self) -> np.dtype[Any]:
        """Type that holds the rescaled values.

        The stored type where nothing is rescaled; the first of int16, uint16, int32 that holds stored
        integers that stay whole; else float32 (float64 for 32-bit integers and float64).
        """
        kind, size = self.dtype.kind, self.dtype.itemsize
        if self.rescale.is_identity:
            return self.dtype
        if kind in "iu" and self.rescale.is_whole and self.rescale.table is None:
            info = np.iinfo(self.dtype)
            ends = [e * self.rescale.slope + self.rescale.intercept for e in (info.min, info.max)]
            low, high = min(float(e.min()) for e in ends), max(float(e.max()) for e in ends)
            for candidate in (np.int16, np.uint16, np.int32):
                limits = np.iinfo(candidate)
                if limits.min <= low and high <= limits.max:
                    return np.dtype(candidate)
        return np.dtype(np.float64 if (kind in "iu" and size > 2) or size > 4 else np.float32)

    def slice_values(self, k: int, lead: Sequence[int] = (), dtype: Any = None) -> AnyArray:
        """Read the values of one slice, (j, i) or (channel, j, i), reading nothing else.

        Parameters
        ----------
        k
            Slice number.
        lead
            Position along `lead_axes`; the first where left out.
        """
        at = tuple(lead) + (0,) * (len(self.lead_shape) - len(lead))
        stored = self.data[self._key(at, k)]
        return self.rescale.at((*at, k)).apply(stored, dtype or self.value_dtype)

    def _key(self, lead: Sequence[int], k: int | slice) -> tuple[Any, ...]:
        left = iter(lead)
        return (*tuple(slice(None) if name == CHANNEL else next(left) for name in self.axes[:-3]), k)

    def scaled(self, name: str) -> Volume:
        """Return the same stored values under another rescale that the file offers.

        Raises
        ------
        UsageError
            If the file has no scaling of this name.
        """
        if name not in self.scalings:
            raise UsageError("no such scaling", got=name, expected=sorted(self.scalings))
        unit = self.scaling_units.get(name, self.unit)
        return replace(self, rescale=self.scalings[name], unit=unit, meaning=f"{name} value")

    # -- parts and kin ------------------------------------------------------------------------

    def at(self, **position: int) -> Volume:
        """Take one position along axes before k, e.g. ``volume.at(time=3)``; stays lazy until read.

        Raises
        ------
        UsageError
            If an axis is not there or the position is outside.
        """
        key: list[Any] = [slice(None)] * len(self.axes)
        for name, index in position.items():
            if name not in self.axes[:-3] or not 0 <= index < self.shape[self.axes.index(name)]:
                raise UsageError(
                    "no such position",
                    where=name,
                    got=index,
                    expected=dict(zip(self.axes, self.shape, strict=True)),
                )
            key[self.axes.index(name)] = index
        kept = tuple(n for n in self.axes if n not in position)
        lead = tuple(position.get(name, slice(None)) for name in self.lead_axes)
        rescale = self.rescale.at((*lead, slice(None)))
        coordinates = {n: v for n, v in self.coordinates.items() if n in kept}
        return replace(
            self,
            data=self.data[tuple(key)],
            axes=kept,
            rescale=rescale,
            scalings={n: r.at((*lead, slice(None))) for n, r in self.scalings.items()},
            coordinates=coordinates,
            provenance=self._provenance_at(lead),
        )

    def _provenance_at(self, lead: tuple[Any, ...]) -> Provenance:
        known = self.known_provenance
        full = (*self.lead_shape, self.grid.shape[0])
        if len(known.sources) != math.prod(full) or not self.lead_shape:
            return known
        numbers = np.arange(math.prod(full)).reshape(full)[lead]
        return replace(known, sources=tuple(known.sources[n] for n in numbers.ravel()))

    def crop(self, window: tuple[slice, slice, slice]) -> Volume:
        """Cut out ``[..., window]``; every voxel stays where it was in space."""
        grid = self.grid.crop(window)
        known = self.known_provenance
        return replace(
            self,
            data=self.data[(..., *window)],
            grid=grid,
            rescale=self.rescale.at((..., window[0])),
            scalings={n: r.at((..., window[0])) for n, r in self.scalings.items()},
            provenance=known.derive("crop", grid, window=window),
        )

    def derive(
        self, data: AnyArray | LazyArray, operation: str, grid: Grid | None = None, **changes: Any
    ) -> Volume:
        """Return a volume of new values made from this one, remembering its parent.

        Parameters
        ----------
        data
            New values, already in the unit (their rescale is the identity).
        operation
            Name of what was done, for the history.
        changes
            Other fields to change, e.g. ``unit`` or ``axes``.
        """
        target = grid or self.grid
        fields = {
            "rescale": IDENTITY,
            "provenance": self.known_provenance.derive(operation, target),
            **changes,
        }
        return replace(self, data=data, grid=target, **fields)

    # -- where from ---------------------------------------------------------------------------

    @property
    def known_provenance(self) -> Provenance:
        """The provenance, which is always there."""
        assert self.provenance is not None
        return self.provenance

    def source_of(self, kji: Sequence[float], lead: Sequence[int] = ()) -> SliceSource | None:
        """Instance and frame that a voxel came from, through all derivations; None if unknown."""
        at = tuple(lead) + (0,) * (len(self.lead_shape) - len(lead))
        flat = int(np.ravel_multi_index(at, self.lead_shape)) if at else 0
        return self.known_provenance.source_at(kji, flat)

    def __repr__(self) -> str:
        sizes = " × ".join(f"{name} {size}" for name, size in zip(self.axes, self.shape, strict=True))
        words = [w for w in (self.modality, self.label) if w]
        state = "lazy " if self.is_lazy else ""
        return f"Volume({', '.join([*words, sizes, f'{state}{self.dtype} [{self.unit}]', repr(self.grid)])})"

    def _repr_html_(self) -> str:
        return html_repr(self)
