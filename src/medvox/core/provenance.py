"""Provenance: which instance and frame a slice came from, and what was done since."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, overload

import numpy as np

from medvox.core.grid import Grid
from medvox.core.transform import Transform

VERSION: Final = "0.1.0"
"""Version of medvox, for what is written into files and said by servers."""


@dataclass(frozen=True, slots=True)
class SliceSource:
    """Where one slice was read.

    Parameters
    ----------
    file
        Path of the file, as given by the reader.
    frame
        Frame number as in DICOM, from 1; in other formats the slice number in the file, from 1.
    sop_instance_uid
        SOP Instance UID, or None outside DICOM.
    slope, intercept
        Rescale of this slice.
    time_s
        Acquisition time in seconds after the first slice of the volume, or None.
    tile
        (row, column) of the first pixel inside the frame where frames hold several slices (mosaic).
    path
        Where the file can be opened on this machine, or None; `file` is what people call it.
    """

    file: str
    frame: int = 1
    sop_instance_uid: str | None = None
    slope: float = 1.0
    intercept: float = 0.0
    time_s: float | None = None
    tile: tuple[int, int] | None = None
    path: str | None = field(default=None, compare=False, repr=False)


class DeferredSources(Sequence[SliceSource]):
    """Sources that are made when the first of them is asked for.

    Parameters
    ----------
    count
        How many there are.
    make
        Makes all of them.
    """

    def __init__(self, count: int, make: Callable[[], tuple[SliceSource, ...]]) -> None:
        self._count = count
        self._make = make

    @cached_property
    def _made(self) -> tuple[SliceSource, ...]:
        return self._make()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> SliceSource: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[SliceSource, ...]: ...
    def __getitem__(self, index: int | slice) -> SliceSource | tuple[SliceSource, ...]:
        return self._made[index]


@dataclass(frozen=True, slots=True, eq=False)
class Provenance:
    """How a volume came to be.

    Parameters
    ----------
    grid
        Grid of the volume that this tells about.
    sources
        One entry a slice in C order of the axes up to k; empty for derived data.
    operation, parameters
        What was done: ``"read"``, ``"regular"``, ``"register"`` …, and with what.
    parents
        Provenance of the inputs.
    to_parent
        Maps points of this volume to points of the first parent; None: the same space.
    """

    grid: Grid
    sources: Sequence[SliceSource] = ()
    operation: str = "read"
    parameters: tuple[tuple[str, str], ...] = ()
    parents: tuple[Provenance, ...] = ()
    to_parent: Transform | None = None

    def derive(
        self,
        operation: str,
        grid: Grid,
        to_parent: Transform | None = None,
        **parameters: object,
    ) -> Provenance:
        """Provenance of a volume on `grid` made from this one."""
        words = tuple((name, str(value)) for name, value in sorted(parameters.items()))
        return Provenance(grid, (), operation, words, (self,), to_parent)

    def source_at(self, kji: Sequence[float], lead: int = 0) -> SliceSource | None:
        """Source slice of a voxel.

        Parameters
        ----------
        kji
            Voxel index, fractions allowed; the nearest slice answers.
        lead
            Position along the axes before k, in C order.

        Returns
        -------
        SliceSource or None
            None where the voxel lies outside the source slices, or nothing is known of them. Derived
            data answer with the slice of their first parent at the same point in space.
        """
        index = np.asarray(kji, dtype=np.float64)
        if not bool(self.grid.contains(index)):
            return None
        if self.sources:
            slices = self.grid.shape[0]
            lead = lead if (lead + 1) * slices <= len(self.sources) else 0
            return self.sources[lead * slices + int(np.clip(np.rint(index[0]), 0, slices - 1))]
        if not self.parents:
            return None
        point = self.grid.to_patient(index)
        if self.to_parent is not None:
            point = self.to_parent.apply(point)
        return self.parents[0].source_at(self.parents[0].grid.to_voxel(point).tolist(), lead)

    def contributing(self) -> Iterator[SliceSource]:
        """Every source slice of this volume and its parents, each once."""
        seen: set[SliceSource] = set()
        for known in (self, *self.ancestors()):
            for source in known.sources:
                if source not in seen:
                    seen.add(source)
                    yield source

    def ancestors(self) -> Iterator[Provenance]:
        """Yield the parents, their parents, and so on."""
        for parent in self.parents:
            yield parent
            yield from parent.ancestors()

    @property
    def history(self) -> tuple[str, ...]:
        """Operations from the reading to this volume, oldest first."""
        before = self.parents[0].history if self.parents else ()
        words = ", ".join(f"{name}={value}" for name, value in self.parameters)
        return (*before, f"{self.operation}({words})" if words else self.operation)
