"""Interfile 3.3: a text header and the values beside it, as STIR, (X)MedCon and nuclear medicine write it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from medvox.core.axes import SPATIAL
from medvox.core.errors import MedvoxError
from medvox.core.grid import Grid
from medvox.core.progress import Progress, silent
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.formats.base import Format, Head, WriteReport
from medvox.formats.content import Content
from medvox.formats.interfile.geometry import read_grid
from medvox.formats.interfile.header import START, InterfileHeader, parse
from medvox.formats.interfile.layout import read_layout
from medvox.formats.interfile.projections import MEANING, as_stack, is_projections, note, segment_images
from medvox.formats.interfile.values import data_file, locate, read_rescale, read_unit
from medvox.formats.interfile.writer import write_pair

_MODALITIES = {"pet": "PT", "pt": "PT", "nucmed": "NM", "nm": "NM", "spect": "NM", "ct": "CT", "mr": "MR",
               "mri": "MR"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class InterfileFormat(Format):
    """Interfile."""

    name: ClassVar[str] = "Interfile"
    suffixes: ClassVar[tuple[str, ...]] = (".hv", ".h33", ".hs", ".hdr")
    writes: ClassVar[bool] = True
    written_suffixes: ClassVar[tuple[str, ...]] = (".hv", ".h33")
    holds: ClassVar[str] = (
        "3.3, STIR and MedCon; time frames, gates, energy windows, scale a slice, patient position; sinograms"
    )
    lossy: ClassVar[str] = "oblique axes, unit, colour, intercept of the scale, frame of reference, windows"

    def sniff(self, head: Head) -> float:
        """Look for a first line ``!INTERFILE :=``."""
        return 1.0 if not head.gzipped and START.match(head.first) else 0.0

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header; one image, or one a segment of PET projection data."""
        header = parse(path)
        if not is_projections(header):
            return (_content(header).image(),)
        if header.size("matrix size", 3) is not None:
            return segment_images(header)
        return (as_stack(_content(header, projections=True).image()),)

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Every line, in file order."""
        return parse(path).elements()

    def companions(self, path: Path) -> tuple[Path, ...]:
        """Return the file of the values; none where it is missing or the header's own."""
        try:
            data = data_file(parse(path))
        except MedvoxError:
            return ()
        return () if data == path.resolve() else (data,)

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write a header in STIR's dialect and the values beside it: .hv and .v, .h33 and .i33."""
        return write_pair(volume, path, progress)


def _content(header: InterfileHeader, projections: bool = False) -> Content:
    layout = read_layout(header)
    grid, found = read_grid(header, layout.shape)
    if projections:
        grid, found = Grid.pixels(layout.shape), (note(header),)
    values = locate(header, layout.lead_shape, layout.shape)
    rescale, faults = read_rescale(header, layout.lead_shape, layout.shape[0])
    return Content(
        path=header.path,
        grid=grid,
        array=values.array,
        axes=(*layout.names, *SPATIAL),
        lead_shape=layout.lead_shape,
        rescale=rescale,
        unit=read_unit(header),
        meaning=MEANING if projections else "",
        modality=_modality(header),
        coordinates=layout.coordinates,
        findings=(*found, *layout.findings, *values.findings, *faults),
        attributes=layout.attributes,
    )


def _modality(header: InterfileHeader) -> str | None:
    """DICOM's code of ``imaging modality``; files of STIR without one are PET."""
    return _MODALITIES.get(header.word("imaging modality") or header.word("type of data"))
