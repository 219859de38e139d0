"""Scan, Study, Series: what a folder holds, known from headers, before any voxel is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from medvox.core.acquisition import Acquisition
from medvox.core.errors import AmbiguityError, MissingError
from medvox.core.finding import Finding
from medvox.core.grid import Grid
from medvox.core.notebook import html_repr
from medvox.core.volume import Volume


class Kind(StrEnum):
    """What can be done with an image."""

    VOLUME = "volume"
    """At least two parallel slices on a grid in space."""
    STACK = "stack"
    """Slices without a common grid: localizers, mixed positions."""
    PICTURE = "picture"
    """One projection or photo."""
    CINE = "cine"
    """Frames over time, no k axis."""


@dataclass(frozen=True, slots=True)
class Patient:
    """Who was scanned, as the header says; all empty where unknown."""

    name: str = ""
    id: str = ""
    birth_date: str = ""
    sex: str = ""
    age: str = ""


@dataclass(frozen=True, slots=True)
class HeaderElement:
    """One line of a header, for the header browser.

    Parameters
    ----------
    tag
        ``"(0028,0010)"`` for DICOM, the field's name elsewhere.
    vr
        Value representation or type.
    keyword
        Standard keyword, or empty.
    value
        Value as text; a note says where it was cut.
    depth
        How deep it lies in the tree of sequences and their items.
    identifying
        Whether it may tell who the patient is: for DICOM, whether the Basic Application Level
        Confidentiality Profile changes it (PS3.15 Table E.1-1).
    name
        What it is, in plain words; empty where `keyword` or `tag` says all that is known.
    meaning
        What the value stands for (the name of a UID, whose a private creator is), or empty.
    vr_name
        Name of the value representation, ``"Decimal String"``, or empty.
    creator
        Private creator of a private element, ``"?"`` where its block has none; else empty.
    action
        What the Confidentiality Profile does with it (``X`` remove, ``Z`` empty, ``D`` dummy value, ``U``
        new UID), or empty.
    """

    tag: str
    vr: str
    keyword: str
    value: str
    depth: int = 0
    identifying: bool = False
    name: str = ""
    meaning: str = ""
    vr_name: str = ""
    creator: str = ""
    action: str = ""

    @property
    def may_identify(self) -> bool:
        """Whether its value is to be hidden with the patient: nobody knows what private elements hold."""
        return self.identifying or self.creator != ""


@dataclass(frozen=True, slots=True)
class Instance:
    """One stored object of a series.

    Parameters
    ----------
    file
        Path, ``archive.zip!/inner/name`` for members of archives.
    sop_instance_uid, sop_class_uid
        Identity in DICOM, else None.
    number
        Instance Number, or None.
    frames
        Number of frames.
    """

    file: str
    sop_instance_uid: str | None = None
    sop_class_uid: str | None = None
    number: int | None = None
    frames: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """One volume, stack, picture or cine of a series, known from its headers.

    Parameters
    ----------
    label
        What tells it from its siblings (``"TE 4.92 ms"``), or the series description.
    kind
        What can be done with it.
    axes, shape
        As the volume will have them.
    grid
        Where its voxels are.
    reader
        Makes the `Volume`, its values lazy.
    modality, unit
        As the volume will have them.
    instances
        The objects that hold it, in slice order.
    findings
        Oddities that concern it.
    facts
        Attributes that identify the split (``{"echo_time_ms": "4.92"}``), for lists and file names.
    choices
        Ways to read the slices, where the header does not settle which; else empty.
    acquisition_reader
        Reads `acquisition`; None where the format tells nothing.
    """

    label: str
    kind: Kind
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    grid: Grid
    reader: Callable[[], Volume]
    modality: str | None = None
    unit: str = "1"
    instances: tuple[Instance, ...] = ()
    findings: tuple[Finding, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    choices: tuple[str, ...] = ()
    acquisition_reader: Callable[[], Acquisition] | None = None

    def acquisition(self) -> Acquisition:
        """Return what the header tells for analysis; read when it is asked for, empty outside DICOM.

        Raises
        ------
        MedvoxError
            If the header cannot be read any more.
        """
        return self.acquisition_reader() if self.acquisition_reader else Acquisition()

    def open(self) -> Volume:
        """Return the values, still lazy, as they can be looked at: ambiguous slices one after the other."""
        return self.reader()

    def volume(self) -> Volume:
        """Return the volume, its values still lazy.

        Raises
        ------
        AmbiguityError
            If the header does not settle how the slices make a volume.
        """
        if self.choices:
            raise AmbiguityError(
                "slices repeat and the header does not say how", where=self.label, choices=self.choices
            )
        return self.reader()

    def __repr__(self) -> str:
        sizes = " × ".join(str(n) for n in self.shape)
        return f"Image({self.label!r}, {self.kind}, {sizes}, {self.grid!r})"


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One series: images, or one non-image object.

    Parameters
    ----------
    uid
        Series Instance UID, or None outside DICOM.
    number, description, modality, body_part
        As the header says.
    format
        Name of the format, ``"DICOM"``, ``"NIfTI-1"``.
    images
        Its volumes, stacks, pictures; none for non-image objects.
    instances
        Every stored object, also those no image could be made of.
    object_type
        What a non-image series holds: ``"RTSTRUCT"``, ``"SR"`` …; None for images.
    header
        Reads the header of one instance, for the header browser.
    """

    uid: str | None
    description: str
    format: str
    images: tuple[Image, ...]
    instances: tuple[Instance, ...] = ()
    number: int | None = None
    modality: str | None = None
    body_part: str | None = None
    findings: tuple[Finding, ...] = ()
    object_type: str | None = None
    header: Callable[[Instance], tuple[HeaderElement, ...]] | None = None
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """One study of one patient; files without study information form one study a folder."""

    uid: str | None
    patient: Patient
    description: str
    series: tuple[Series, ...]
    date: str = ""
    time: str = ""
    accession: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """What was found under the paths that were opened.

    Parameters
    ----------
    roots
        The paths.
    studies
        What was found, sorted by patient, date and description.
    findings
        Oddities that concern no single series (unreadable files, mixed patients).
    files
        Number of files looked at.
    """

    roots: tuple[str, ...]
    studies: tuple[Study, ...]
    findings: tuple[Finding, ...] = ()
    files: int = field(default=0)

    def series(self) -> Iterator[Series]:
        """Every series of every study."""
        for study in self.studies:
            yield from study.series

    def images(self) -> Iterator[Image]:
        """Every image of every series."""
        for series in self.series():
            yield from series.images

    def image(self, label: str | None = None) -> Image:
        """Find one image.

        Parameters
        ----------
        label
            Part of its label; may be left out when there is only one image.

        Raises
        ------
        AmbiguityError
            If several fit.
        MissingError
            If none fits.
        """
        found = [i for i in self.images() if label is None or label.lower() in i.label.lower()]
        if len(found) == 1:
            return found[0]
        if not found:
            raise MissingError("no such image", got=label, expected=[i.label for i in self.images()][:10])
        raise AmbiguityError("several images fit", choices=[i.label for i in found])

    def volume(self, label: str | None = None) -> Volume:
        """Open one image as a volume; see `image` and `Image.volume`."""
        return self.image(label).volume()

    def all_findings(self) -> Iterator[Finding]:
        """Yield the findings of the scan, its series and its images."""
        yield from self.findings
        for series in self.series():
            yield from series.findings
            for image in series.images:
                yield from image.findings

    def __repr__(self) -> str:
        lines = [f"Scan({self.files} files, {len(self.studies)} studies)"]
        for study in self.studies:
            lines.append(f"  {study.date} {study.description or 'study'}")
            lines += [f"    {s.modality or s.format}: {i!r}" for s in study.series for i in s.images]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return html_repr(self)
