"""From headers to studies and series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from medvox.core.errors import MedvoxError
from medvox.core.finding import Finding, Level
from medvox.core.progress import Progress, silent, track
from medvox.core.study import HeaderElement, Image, Instance, Patient, Series, Study
from medvox.dicom import tags
from medvox.dicom.frames import slices_of
from medvox.dicom.header import Header
from medvox.dicom.header_lines import header_lines
from medvox.dicom.slices import Slice
from medvox.dicom.stacks import make_stacks
from medvox.dicom.volume import instance_of, stack_image
from medvox.formats.remote.mirror import fetched, opened

_OBJECTS = {
    "1.2.840.10008.5.1.4.1.1.481.3": "RTSTRUCT",
    "1.2.840.10008.5.1.4.1.1.481.2": "RTDOSE",
    "1.2.840.10008.5.1.4.1.1.481.5": "RTPLAN",
    "1.2.840.10008.5.1.4.1.1.66.4": "SEG",
    "1.2.840.10008.5.1.4.1.1.66.7": "SEG",
    "1.2.840.10008.5.1.4.1.1.30": "PARAMETRIC MAP",
    "1.2.840.10008.5.1.4.1.1.66": "RAW DATA",
    "1.2.840.10008.5.1.4.1.1.66.1": "REGISTRATION",
    "1.2.840.10008.5.1.4.1.1.67": "REAL WORLD VALUE MAPPING",
    "1.2.840.10008.5.1.4.1.1.77.1.6": "WHOLE SLIDE IMAGE",
    "1.2.840.10008.5.1.4.1.1.104.1": "PDF",
}
_MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"
_OBJECT_TAGS = frozenset({tags.SOP_CLASS_UID, tags.ROWS, tags.COLUMNS, tags.MODALITY})
_SHOWN_AS_IMAGE = frozenset({"RTDOSE", "PARAMETRIC MAP"})


def make_studies(headers: Sequence[Header], progress: Progress = silent) -> tuple[list[Study], list[Finding]]:
    """Group headers into studies and series, and find the images of each.

    Parameters
    ----------
    headers
        Of any number of patients, in any order.

    Returns
    -------
    studies
        Sorted by patient, date and description; series by number.
    findings
        What concerns no single series.
    """
    kept, findings = _without_copies(headers)
    groups: dict[tuple[str, str], list[Header]] = defaultdict(list)
    for header in kept:
        if header.text(tags.SOP_CLASS_UID) != _MEDIA_DIRECTORY:
            groups[_study_key(header), _series_key(header)].append(header)
    series: dict[str, list[Series]] = defaultdict(list)
    first: dict[str, Header] = {}
    for (study, _), members in track(groups.items(), progress, "Sorting series", len(groups)):
        series[study].append(_make_series(members))
        first.setdefault(study, members[0])
    studies = [_make_study(first[key], tuple(found)) for key, found in series.items()]
    patients = {(s.patient.id, s.patient.name) for s in studies if s.patient.id or s.patient.name}
    if len(patients) > 1:
        text = f"Instances of {len(patients)} patients"
        findings.append(Finding("mixed-patients", Level.INFO, "scan", text))
    return sorted(studies, key=lambda s: (s.patient.id, s.date, s.time, s.description)), findings


def _study_key(header: Header) -> str:
    return header.text(tags.STUDY_INSTANCE_UID) or str(PurePath(header.file).parent)


def _series_key(header: Header) -> str:
    uid = header.text(tags.SERIES_INSTANCE_UID) or str(PurePath(header.file).parent)
    patient = header.text(tags.PATIENT_ID), header.text(tags.PATIENT_NAME)
    return "\n".join((uid, *patient, header.text(tags.MODALITY)))


def _without_copies(headers: Sequence[Header]) -> tuple[list[Header], list[Finding]]:
    """Keep the first of instances with one UID; copies and conflicts become findings."""
    kept: dict[str, Header] = {}
    loose: list[Header] = []
    findings = []
    for header in headers:
        uid = header.text(tags.SOP_INSTANCE_UID)
        known = kept.setdefault(uid, header) if uid else None
        if known is None:
            loose.append(header)
        elif known is not header:
            same = _same_content(known, header)
            code, level = (
                ("duplicate-instance", Level.INFO) if same else ("conflicting-instance", Level.ERROR)
            )
            word = "the same instance as" if same else "other content under the UID of"
            findings.append(Finding(code, level, header.name, f"Holds {word} {known.name}; not used"))
    return [*kept.values(), *loose], findings


def _same_content(first: Header, second: Header) -> bool:
    if first.size != second.size:
        return False
    try:
        with opened(first.file) as a, opened(second.file) as b:
            while block := a.read(1 << 20):
                if block != b.read(1 << 20):
                    return False
    except OSError:
        return False
    return True


def _object_type(header: Header) -> str | None:
    """What an instance that is no image holds; None for images."""
    sop_class = header.text(tags.SOP_CLASS_UID)
    kind = _OBJECTS.get(sop_class)
    if kind in _SHOWN_AS_IMAGE and header.pixel is not None:
        return None
    if kind:
        return kind
    if header.pixel is None or not header.integer(tags.ROWS) or not header.integer(tags.COLUMNS):
        return header.text(tags.MODALITY) or "OBJECT"
    return None


def _image_without_size(header: Header) -> tuple[Finding, ...]:
    """What is odd about pixel data without a size, or a size without pixel data."""
    if header.shared(_object_type, _OBJECT_TAGS) is None:
        return ()
    if header.text(tags.SOP_CLASS_UID) in _OBJECTS:
        return ()
    sized = bool(header.integer(tags.ROWS)) and bool(header.integer(tags.COLUMNS))
    if header.pixel is not None and not sized:
        text = "Pixel data without Rows and Columns: not shown"
        return (Finding("unreadable-file", Level.ERROR, header.name, text, "PS3.3 C.7.6.3"),)
    if header.pixel is None and sized:
        return (
            Finding("truncated-pixel-data", Level.ERROR, header.name, "Rows and Columns, but no pixel data"),
        )
    return ()


def _make_study(header: Header, series: tuple[Series, ...]) -> Study:
    patient = Patient(
        name=header.text(tags.PATIENT_NAME),
        id=header.text(tags.PATIENT_ID),
        birth_date=header.text(tags.PATIENT_BIRTH_DATE),
        sex=header.text(tags.PATIENT_SEX),
        age=header.text(tags.PATIENT_AGE),
    )
    return Study(
        uid=header.text(tags.STUDY_INSTANCE_UID) or None,
        patient=patient,
        description=header.text(tags.STUDY_DESCRIPTION),
        series=tuple(sorted(series, key=lambda s: (s.number is None, s.number or 0, s.description))),
        date=header.text(tags.STUDY_DATE),
        time=header.text(tags.STUDY_TIME),
        accession=header.text(tags.ACCESSION_NUMBER),
    )


def _make_series(headers: Sequence[Header]) -> Series:
    first = headers[0]
    number = first.integer(tags.SERIES_NUMBER)
    description = first.text(tags.SERIES_DESCRIPTION) or first.text(tags.PROTOCOL_NAME)
    modality = first.text(tags.MODALITY) or None
    where = f"series {number}" if number is not None else first.name
    kinds = {header.file: header.shared(_object_type, _OBJECT_TAGS) for header in headers}
    shown = [header for header in headers if kinds[header.file] is None]
    instances = {header.file: instance_of(header) for header in headers}
    name = description or " ".join(
        w for w in (modality or "image", "" if number is None else str(number)) if w
    )
    images, findings = _make_images(shown, name, where, instances)
    findings += [note for header in headers for note in (*header.findings, *_image_without_size(header))]
    return Series(
        uid=first.text(tags.SERIES_INSTANCE_UID) or None,
        description=description,
        format="DICOM",
        images=tuple(images),
        instances=tuple(instances.values()),
        number=number,
        modality=modality,
        body_part=first.text(tags.BODY_PART_EXAMINED) or None,
        findings=tuple(dict.fromkeys(findings)),
        object_type=None if shown else kinds[first.file],
        header=_read_header_lines,
    )


def _make_images(
    headers: Sequence[Header], description: str, where: str, instances: Mapping[str, Instance]
) -> tuple[list[Image], list[Finding]]:
    slices: list[Slice] = []
    findings: list[Finding] = []
    for header in headers:
        try:
            found, notes = slices_of(header)
        except MedvoxError as error:
            findings.append(Finding("unreadable-file", Level.ERROR, header.name, error.reason))
            continue
        slices += found
        findings += [Finding(n.code, n.level, where, n.text, n.reference) for n in notes]
    images = []
    for stack in make_stacks(slices, where) if slices else []:
        try:
            images.append(stack_image(stack, description, where, instances))
        except MedvoxError as error:
            findings.append(
                Finding("unreadable-file", Level.ERROR, stack.slices[0].header.name, error.reason)
            )
    return images, findings


def _read_header_lines(instance: Instance) -> tuple[HeaderElement, ...]:
    fetched(instance.file)
    return header_lines(instance.file)
