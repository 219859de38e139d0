"""LabelMap: segments on a grid, in layers so that they may overlap, or as fractions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import MissingError, UsageError
from medvox.core.finding import Finding
from medvox.core.grid import Grid
from medvox.core.notebook import html_repr
from medvox.core.provenance import Provenance

AnyArray = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept (PS3.3 section 8): value, scheme, meaning."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Algorithm:
    """Who or what drew a segment (PS3.3 C.8.20.2, Segment Algorithm Type).

    Parameters
    ----------
    kind
        ``"AUTOMATIC"``, ``"SEMIAUTOMATIC"`` or ``"MANUAL"``.
    name, version
        Of the algorithm; empty for manual work.
    family
        Coded family (DICOM CID 7162), or None.
    """

    kind: str
    name: str = ""
    version: str = ""
    family: Code | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of a label map.

    Parameters
    ----------
    number
        Value of its voxels in its layer, from 1.
    name
        Segment label.
    layer
        Layer of the array that holds it.
    category, kind
        Coded category and type (PS3.3 C.8.20.2).
    color
        Red, green, blue, 0..255.
    region
        Coded anatomic region where `kind` is not itself anatomy (a mass in the liver), or None.
    description
        Free text.
    algorithm
        Who or what drew it, or None where nothing is known.
    tracking_id, tracking_uid
        Name and UID of the finding that it shows, the same over time points (PS3.3 C.8.20.2).
    """

    number: int
    name: str
    layer: int = 0
    category: Code | None = None
    kind: Code | None = None
    color: tuple[int, int, int] = (255, 255, 0)
    region: Code | None = None
    description: str = ""
    algorithm: Algorithm | None = None
    tracking_id: str = ""
    tracking_uid: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """Segments on a grid.

    Parameters
    ----------
    data
        (layer, k, j, i) whole numbers; 0 is background. With `fractional`, one layer a segment,
        floating point occupancy 0..1.
    grid
        Where the voxels are.
    segments
        What the numbers mean.
    fractional
        Whether the layers hold fractions instead of numbers.
    provenance
        Where it came from, or None.
    findings
        Oddities met when it was read.
    """

    data: AnyArray
    grid: Grid
    segments: tuple[Segment, ...]
    fractional: bool = False
    provenance: Provenance | None = None
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        if self.data.ndim != 4 or self.data.shape[1:] != self.grid.shape:
            raise UsageError(
                "labels do not fit the grid",
                got=self.data.shape,
                expected=f"(layers, {self.grid.shape})",
            )
        if (self.data.dtype.kind in "iu") == self.fractional:
            raise UsageError("label values have the wrong type", got=self.data.dtype)
        keys = [(s.layer, s.number) for s in self.segments]
        if len(set(keys)) != len(keys) or any(not 0 <= s.layer < len(self.data) for s in self.segments):
            raise UsageError(
                "segments repeat a number in a layer or name a layer that is not there", got=keys
            )

    def segment(self, name_or_number: str | int) -> Segment:
        """Find a segment.

        Raises
        ------
        MissingError
            If there is none.
        """
        for segment in self.segments:
            if name_or_number in (segment.name, segment.number):
                return segment
        raise MissingError("no such segment", got=name_or_number, expected=[s.name for s in self.segments])

    def mask(self, name_or_number: str | int, threshold: float = 0.5) -> NDArray[np.bool_]:
        """(k, j, i) voxels of one segment; fractions count from `threshold`."""
        segment = self.segment(name_or_number)
        layer = self.data[segment.layer]
        result: NDArray[np.bool_] = layer >= threshold if self.fractional else layer == segment.number
        return result

    def volume_ml(self, name_or_number: str | int) -> float:
        """Volume of one segment on the stored grid, in millilitres; fractions count in part."""
        segment = self.segment(name_or_number)
        layer = self.data[segment.layer]
        weight = layer if self.fractional else layer == segment.number
        return float(weight.sum(axis=(1, 2), dtype=np.float64) @ self.grid.voxel_volumes_mm3) / 1000

    @property
    def overlaps(self) -> bool:
        """Whether any voxel belongs to more than one segment."""
        return len(self.data) > 1 and bool(((self.data > 0).sum(axis=0) > 1).any())

    def flatten(self, order: Iterable[str | int] | None = None) -> tuple[AnyArray, int]:
        """Put all segments into one layer, later ones on top.

        Returns
        -------
        array
            (k, j, i); each segment numbered by its place in `segments`, from 1.
        int
            Voxels that belonged to more than one segment: what was lost.
        """
        chosen = list(self.segments) if order is None else [self.segment(s) for s in order]
        flat = np.zeros(self.grid.shape, np.uint16)
        covered = np.zeros(self.grid.shape, np.uint16)
        for segment in chosen:
            inside = self.mask(segment.name)
            flat[inside] = self.segments.index(segment) + 1
            covered += inside
        return flat, int((covered > 1).sum())

    def with_segments(self, segments: Iterable[Segment]) -> LabelMap:
        """Return the same voxels with other names or colors."""
        return replace(self, segments=tuple(segments))

    def __repr__(self) -> str:
        kind = "fractional " if self.fractional else ""
        names = ", ".join(s.name for s in self.segments[:6]) + (" …" if len(self.segments) > 6 else "")
        return f"LabelMap({kind}{len(self.segments)} segments: {names}; {self.grid!r})"

    def _repr_html_(self) -> str:
        return html_repr(self)
