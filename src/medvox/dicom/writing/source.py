"""The objects that a written series continues: their patient, study, frame of reference and identity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydicom.dataset import Dataset

from medvox.core.errors import FormatError, MissingError
from medvox.core.study import Instance, Series, Study
from medvox.core.volume import Volume
from medvox.dicom import tags
from medvox.dicom.elements.wanted import WANTED
from medvox.dicom.header import Header
from medvox.dicom.scan import scan_headers
from medvox.dicom.writing.options import Source
from medvox.formats.inputs import InputFile


@dataclass(frozen=True)
class SourceImages:
    """Headers of the source objects.

    Parameters
    ----------
    headers
        One an instance; at least one.
    """

    headers: tuple[Header, ...]

    @cached_property
    def by_uid(self) -> dict[str, Header]:
        """Headers by SOP Instance UID."""
        return {h.text(tags.SOP_INSTANCE_UID): h for h in self.headers}

    @cached_property
    def template(self) -> Dataset:
        """All elements of the first instance, without pixel data."""
        return self.headers[0].dataset()

    @property
    def frame_of_reference(self) -> str | None:
        """Frame of Reference UID of the first instance."""
        return self.headers[0].text(tags.FRAME_OF_REFERENCE_UID) or None

    def used_by(self, volume: Volume) -> SourceImages:
        """Those that the volume was made from, by its provenance; all where that names none of them."""
        names = {source.sop_instance_uid for source in volume.known_provenance.contributing()}
        used = tuple(h for h in self.headers if h.text(tags.SOP_INSTANCE_UID) in names)
        return SourceImages(used) if used else self

    def agree(self, tag: int) -> bool:
        """Whether all instances say the same of a top-level element."""
        if tag not in WANTED:
            return True
        return len({header.raw(tag) for header in self.headers}) == 1


@dataclass(frozen=True, slots=True)
class Reference:
    """One source instance, or one frame of it."""

    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    study_uid: str
    frame: int | None = None


def load_source(source: Source) -> SourceImages:
    """Read the headers of the source objects.

    Raises
    ------
    MissingError
        If a file is not there, or none of them is DICOM.
    FormatError
        If they are of several studies.
    """
    headers = headers_of(source)
    if not headers:
        raise MissingError("no source file is a DICOM object")
    if len({header.text(tags.STUDY_INSTANCE_UID) for header in headers}) > 1:
        raise FormatError("the source files are of several studies", advice="Name the files of one series")
    return SourceImages(tuple(headers))


def headers_of(source: Source) -> list[Header]:
    """Read the headers of all DICOM files that are named.

    Raises
    ------
    MissingError
        If a file is not there.
    """
    files = []
    for path in dict.fromkeys(_paths(source)):
        if not path.is_file():
            raise MissingError("the file is not there", where=path)
        files.append(InputFile(path, path.name, path.stat().st_size))
    return scan_headers(files)[0]


def _paths(source: Source) -> Iterator[Path]:
    if isinstance(source, Study):
        for series in source.series:
            yield from _paths(series)
    elif isinstance(source, Series):
        yield from (Path(instance.file) for instance in source.instances)
    elif isinstance(source, Instance):
        yield Path(source.file)
    elif isinstance(source, str | Path):
        path = Path(source)
        yield from sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else (path,)
    else:
        for one in source:
            yield from _paths(one)


def slice_references(volume: Volume, source: SourceImages | None) -> list[Reference | None]:
    """Source instance of each slice, in C order of the axes up to k; None where it is not known."""
    times = volume.lead_shape[0] if volume.lead_shape else 1
    slices, rows, columns = volume.grid.shape
    found: list[Reference | None] = []
    for t in range(times):
        for k in range(slices):
            lead = (t,) if volume.lead_shape else ()
            at = volume.source_of((k, (rows - 1) / 2, (columns - 1) / 2), lead) if source else None
            header = source.by_uid.get(at.sop_instance_uid or "") if source and at else None
            found.append(None if header is None or at is None else reference_to(header, at.frame))
    return found


def reference_to(header: Header, frame: int = 1) -> Reference:
    """Reference to an instance, and to its frame where it has several."""
    many = (header.integer(tags.NUMBER_OF_FRAMES) or 1) > 1
    return Reference(
        header.text(tags.SOP_CLASS_UID),
        header.text(tags.SOP_INSTANCE_UID),
        header.text(tags.SERIES_INSTANCE_UID),
        header.text(tags.STUDY_INSTANCE_UID),
        frame if many else None,
    )


def distinct(references: Sequence[Reference | None]) -> list[Reference]:
    """Each referenced instance once, frames left out, in order."""
    kept: dict[str, Reference] = {}
    for one in references:
        if one is not None:
            kept.setdefault(one.sop_instance_uid, one)
    return list(kept.values())
