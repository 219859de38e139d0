"""Which source instance and frame each slice of a grid lies on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import MedvoxError, MissingError
from medvox.core.grid import Grid, Space
from medvox.core.provenance import Provenance
from medvox.core.volume import Volume
from medvox.dicom.frames import slices_of
from medvox.dicom.slices import Slice
from medvox.dicom.writing.options import Source
from medvox.dicom.writing.source import Reference, SourceImages, load_source, reference_to

SAME_PLACE_MM = 0.01
"""Slices whose first voxels are this close are the same slice: decimal strings keep more than that."""
SAME_DIRECTION = 1e-4
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SourceFrames:
    """The frames of source instances, where they lie.

    Parameters
    ----------
    images
        Headers of the instances.
    """

    images: SourceImages

    @cached_property
    def slices(self) -> tuple[Slice, ...]:
        """Every slice of every instance; instances that hold no readable image have none."""
        found: list[Slice] = []
        for header in self.images.headers:
            try:
                found += slices_of(header)[0]
            except MedvoxError:
                continue
        return tuple(found)

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Every instance, once."""
        return tuple(replace(reference_to(h), frame=None) for h in self.images.headers)

    @cached_property
    def _places(self) -> FloatArray:
        nowhere = (np.inf, np.inf, np.inf)
        return np.array([s.position_mm or nowhere for s in self.slices], np.float64).reshape(-1, 3)

    def on(self, grid: Grid, provenance: Provenance | None = None) -> tuple[Reference | None, ...]:
        """Return the source frame of each slice of a grid.

        Parameters
        ----------
        grid
            Its slices, wherever they lie.
        provenance
            Tells among several frames at one place (a time series) which one is meant; and all, where the
            grid has no place in space.

        Returns
        -------
        tuple
            For each slice the frame that has the same voxels (place, directions, size), else None.
        """
        return tuple(self._of_slice(grid, k, provenance) for k in range(grid.shape[0]))

    def under(self, points_mm: FloatArray, tolerance_mm: float) -> Reference | None:
        """Return the frame whose plane points (n, 3) lie in; of several the nearest, None for none."""
        n = self._nearest(points_mm, tolerance_mm)
        return None if n is None else reference_to(self.slices[n].header, self.slices[n].frame + 1)

    def pixels_of(self, points_mm: FloatArray, tolerance_mm: float) -> tuple[Reference, FloatArray] | None:
        """Return the frame that points (n, 3) lie in, and them as (n, 2) columns and rows.

        0.5 is the middle of the first pixel (PS3.3 C.10.5.1.2).
        """
        n = self._nearest(points_mm, tolerance_mm)
        if n is None or self.slices[n].spacing_mm is None:
            return None
        s = self.slices[n]
        spacing = s.spacing_mm or (1.0, 1.0)
        away = points_mm - self._places[n]
        column, row = np.asarray(s.orientation[:3]), np.asarray(s.orientation[3:])
        points = np.stack([away @ column / spacing[1], away @ row / spacing[0]], axis=1) + 0.5
        return reference_to(s.header, s.frame + 1), points

    def _nearest(self, points_mm: FloatArray, tolerance_mm: float) -> int | None:
        if not len(self._places):
            return None
        with np.errstate(invalid="ignore"):
            apart = np.abs(((points_mm[:1] - self._places) * self._normals).sum(axis=1))
        apart[~np.isfinite(apart)] = np.inf
        n = int(apart.argmin())
        with np.errstate(invalid="ignore"):
            farthest = np.abs((points_mm - self._places[n]) @ self._normals[n]).max()
        return n if farthest <= tolerance_mm else None

    @cached_property
    def _normals(self) -> FloatArray:
        known = [s.orientation if len(s.orientation) == 6 else (np.nan,) * 6 for s in self.slices]
        directions = np.array(known, np.float64).reshape(-1, 2, 3)
        return np.asarray(np.cross(directions[:, 0], directions[:, 1]))

    def _of_slice(self, grid: Grid, k: int, provenance: Provenance | None) -> Reference | None:
        _, rows, columns = grid.shape
        told = provenance.source_at((k, (rows - 1) / 2, (columns - 1) / 2)) if provenance else None
        fitting = self._fitting(grid, k)
        if told is not None and told.sop_instance_uid:
            for s in fitting or (self.slices if grid.space is not Space.PATIENT else ()):
                reference = reference_to(s.header, s.frame + 1)
                if reference.sop_instance_uid == told.sop_instance_uid and s.frame + 1 == told.frame:
                    return reference
        return reference_to(fitting[0].header, fitting[0].frame + 1) if fitting else None

    def _fitting(self, grid: Grid, k: int) -> list[Slice]:
        if not len(self._places) or grid.space is not Space.PATIENT:
            return []
        apart = np.abs(self._places - grid.slice_origin_mm(k)).max(axis=1)
        return [self.slices[n] for n in np.flatnonzero(apart <= SAME_PLACE_MM) if _same(self.slices[n], grid)]


def _same(s: Slice, grid: Grid) -> bool:
    """Whether a slice has rows and columns of a grid."""
    if (s.rows, s.columns) != grid.shape[1:] or s.spacing_mm is None or len(s.orientation) != 6:
        return False
    wanted = [*grid.direction[:, 2], *grid.direction[:, 1]]
    return np.allclose(s.orientation, wanted, atol=SAME_DIRECTION) and np.allclose(
        s.spacing_mm, grid.spacing_mm[1:], rtol=SAME_DIRECTION
    )


def find_sources(source: Volume | Source | None, provenance: Provenance | None = None) -> SourceFrames | None:
    """Read the headers of what a derived object is about.

    Parameters
    ----------
    source
        Volume read from DICOM, or series, instances, files; None: as `provenance` tells.
    provenance
        Of the derived data.

    Returns
    -------
    SourceFrames or None
        None where nothing is known, or nothing of it is DICOM.

    Raises
    ------
    MissingError
        If files that `source` names are not there or are no DICOM.
    """
    if isinstance(source, Volume):
        return _of_provenance(source.known_provenance)
    if source is not None:
        return SourceFrames(load_source(source))
    return _of_provenance(provenance) if provenance is not None else None


def _of_provenance(provenance: Provenance) -> SourceFrames | None:
    sources = [s for s in provenance.contributing() if s.sop_instance_uid]
    names = {s.sop_instance_uid for s in sources}
    files = [Path(f) for f in dict.fromkeys(s.path or s.file for s in sources) if f]
    files = [f for f in files if f.is_file()]
    if not files:
        return None
    try:
        images = load_source(files)
    except MissingError:
        return None
    kept = tuple(h for uid, h in images.by_uid.items() if uid in names)
    return SourceFrames(SourceImages(kept)) if kept else None
