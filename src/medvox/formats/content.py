"""From what a format has read to the `Image` and `Volume` of the model: the last step of every reader."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medvox.core.axes import CHANNEL, SPATIAL
from medvox.core.finding import Finding
from medvox.core.grid import Grid
from medvox.core.lazy import LazyArray
from medvox.core.provenance import DeferredSources, Provenance, SliceSource
from medvox.core.rescale import IDENTITY, Rescale
from medvox.core.study import Image, Instance, Kind
from medvox.core.volume import Display, Volume


@dataclass(frozen=True, slots=True)
class Content:
    """One image of a file, its values unread.

    Parameters
    ----------
    path
        The file.
    grid, axes, lead_shape
        As the volume will have them; `lead_shape` are the sizes of the axes before k, channels included.
    array
        Makes the lazy array of stored values; called for each opening.
    label
        Short name for lists; the file's name by default.
    unit, rescale, meaning, modality, coordinates, display, findings
        As in `Volume`.
    facts
        As in `Image`; also kept as parameters of the provenance.
    attributes
        What else is kept as parameters of the provenance; not in lists and file names.
    files
        Files of the slices where each has its own; else all lie in `path`.
    """

    path: Path
    grid: Grid
    array: Callable[[], LazyArray]
    axes: tuple[str, ...] = SPATIAL
    lead_shape: tuple[int, ...] = ()
    label: str = ""
    unit: str = "1"
    rescale: Rescale = IDENTITY
    meaning: str = ""
    modality: str | None = None
    coordinates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    display: Display = field(default_factory=Display)
    findings: tuple[Finding, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    files: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Label, or the file's name."""
        return self.label or self.path.name

    @property
    def kind(self) -> Kind:
        """Volume, or one picture, or pictures over time."""
        if self.grid.shape[0] > 1:
            return Kind.VOLUME
        frames = math.prod(n for n, a in zip(self.lead_shape, self.axes, strict=False) if a != CHANNEL)
        return Kind.CINE if frames > 1 else Kind.PICTURE

    def image(self) -> Image:
        """Make the image."""
        return Image(
            label=self.name,
            kind=self.kind,
            axes=self.axes,
            shape=(*self.lead_shape, *self.grid.shape),
            grid=self.grid,
            reader=self.volume,
            modality=self.modality,
            unit=self.unit,
            instances=tuple(Instance(str(path)) for path in self.files or (self.path,)),
            findings=self.findings,
            facts=self.facts,
        )

    def volume(self) -> Volume:
        """Make the volume, its values still unread."""
        return Volume(
            data=self.array(),
            grid=self.grid,
            axes=self.axes,
            unit=self.unit,
            rescale=self.rescale,
            meaning=self.meaning,
            modality=self.modality,
            label=self.name,
            coordinates=self.coordinates,
            display=self.display,
            provenance=Provenance(self.grid, self._sources(), parameters=(*self.facts, *self.attributes)),
            findings=self.findings,
        )

    def _sources(self) -> Sequence[SliceSource]:
        """Sources of the slices: the files where there are several, else slices of the one file."""
        lead = [n for n, a in zip(self.lead_shape, self.axes, strict=False) if a != CHANNEL]
        count = len(self.files) or math.prod(lead) * self.grid.shape[0]
        slope, intercept = (float(v.flat[0]) for v in (self.rescale.slope, self.rescale.intercept))

        def make() -> tuple[SliceSource, ...]:
            one = str(self.path)
            places = [(str(path), 1) for path in self.files] or [(one, n + 1) for n in range(count)]
            return tuple(SliceSource(file, n, slope=slope, intercept=intercept) for file, n in places)

        return DeferredSources(count, make)
