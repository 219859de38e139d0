"""Write measurement reports: TID 1500 in Comprehensive 3D SR (PS3.16 A, PS3.3 A.35.13)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.errors import UsageError
from medvox.core.labels import Code
from medvox.core.provenance import VERSION
from medvox.core.volume import Volume
from medvox.dicom.objects.referring import series_items
from medvox.dicom.objects.sources import SourceFrames, find_sources
from medvox.dicom.objects.structured_report import content as c
from medvox.dicom.objects.structured_report.content import dcm
from medvox.dicom.objects.structured_report.report import (
    Measured,
    MeasurementGroup,
    MeasurementReport,
    Shape,
)
from medvox.dicom.objects.subject import Made, ObjectOptions, begin
from medvox.dicom.writing.files import encode
from medvox.dicom.writing.files.output import write_file
from medvox.dicom.writing.options import Source
from medvox.dicom.writing.source import Reference
from medvox.formats.base import WriteReport

COMPREHENSIVE_3D = "1.2.840.10008.5.1.4.1.1.88.34"
PROCEDURES = {
    "CT": Code("77477000", "SCT", "Computed tomography"),
    "MR": Code("113091000", "SCT", "Magnetic resonance imaging"),
    "PT": Code("82918005", "SCT", "Positron emission tomography"),
}
IMAGING = Code("363679005", "SCT", "Imaging")
SITE = Code("363698007", "SCT", "Finding Site")
METHOD = Code("370129005", "SCT", "Measurement Method")
UNCERTAINTY = Code("DISCRETIZATION95", "99MEDVOX", "Half width of the 95 % interval of discretization")
REPORT, MEASUREMENTS, GROUP = (
    dcm("126000", "Imaging Measurement Report"),
    dcm("126010", "Imaging Measurements"),
    dcm("125007", "Measurement Group"),
)


def write_measurement_report(
    report: MeasurementReport,
    path: str | PathLike[str],
    source: Volume | Source,
    options: ObjectOptions | None = None,
) -> WriteReport:
    """Write a measurement report; the file appears complete or not at all.

    Parameters
    ----------
    report
        Groups that refer to segments, regions, images.
    source
        Volume read from DICOM, or series, instances, files that were measured: the report belongs to their
        patient and study, and they are its evidence.

    Raises
    ------
    UsageError
        If there is no group, no source, or a shape in space has no frame of reference.
    WriteError, AccessError
        If the system refuses.
    """
    options = options or ObjectOptions()
    sources = find_sources(source)
    if sources is None:
        raise UsageError("a report needs the DICOM images that were measured", advice="Name their series")
    if not report.groups:
        raise UsageError("a report needs at least one group of measurements")
    made = begin(COMPREHENSIVE_3D, "SR", sources.images, options)
    ds = made.dataset
    ds.ReferencedPerformedProcedureStepSequence = DicomSequence()
    ds.PerformedProcedureCodeSequence = DicomSequence()
    ds.CompletionFlag, ds.VerificationFlag, ds.PreliminaryFlag = "PARTIAL", "UNVERIFIED", "PRELIMINARY"
    references = [*sources.references, *_references(report)]
    ds.CurrentRequestedProcedureEvidenceSequence = evidence(references)
    root = c.container("", REPORT, "1500", _report(report, sources, made))
    del root.RelationshipType
    ds.update(root)
    made.finish(options)
    sop = COMPREHENSIVE_3D, str(ds.SOPInstanceUID)
    write_file(
        Path(path), encode.file_parts(sop, encode.EXPLICIT_LITTLE, [encode.encoded(ds)], encode.Encoded(()))
    )
    return WriteReport((Path(path),), (), ("the report is marked partial and unverified: nobody signed it",))


def evidence(references: Sequence[Reference]) -> DicomSequence:
    """Instances by study and series (PS3.3 table C.17-2a, Hierarchical SOP Instance Reference)."""
    studies: dict[str, list[Reference]] = {}
    for one in references:
        if not one.study_uid or not one.series_uid:
            raise UsageError("a referenced object lacks its study or series", got=one.sop_instance_uid)
        studies.setdefault(one.study_uid, []).append(one)
    made = []
    for study, members in studies.items():
        holder = Dataset()
        holder.StudyInstanceUID = study
        holder.ReferencedSeriesSequence = series_items(members, "ReferencedSOPSequence")
        made.append(holder)
    return DicomSequence(made)


def _references(report: MeasurementReport) -> Iterator[Reference]:
    """Every object that the report refers to."""
    yield from report.images
    for group in report.groups:
        yield from group.images
        if group.segment is not None:
            yield group.segment.reference
        shapes = [group.region, *(measured.shape for measured in group.measurements)]
        yield from (shape.image for shape in shapes if shape is not None and shape.image is not None)


def _report(report: MeasurementReport, sources: SourceFrames, made: Made) -> Iterator[Dataset]:
    """Content of TID 1500."""
    language = Code("en-US", "RFC5646", "English (United States)")
    yield c.code_item(c.HAS_MODIFIER, dcm("121049", "Language of Content Item and Descendants"), language)
    yield from _observer(report, made)
    modality = str(sources.images.template.get("Modality") or "")
    procedure = report.procedure or PROCEDURES.get(modality, IMAGING)
    yield c.code_item(c.HAS_MODIFIER, dcm("121058", "Procedure Reported"), procedure)
    if report.images:
        entries = [c.image_item(c.CONTAINS, None, one) for one in report.images]
        group = c.container(c.CONTAINS, dcm("126200", "Image Library Group"), "", entries)
        yield c.container(c.CONTAINS, dcm("111028", "Image Library"), "", [group])
    groups = [_group(one, made) for one in report.groups]
    yield c.container(c.CONTAINS, MEASUREMENTS, "", groups)


def _observer(report: MeasurementReport, made: Made) -> Iterator[Dataset]:
    """Observation context (TID 1001, 1003, 1004): a person, else this program."""
    kind = dcm("121005", "Observer Type")
    if report.observer:
        yield c.code_item(c.HAS_CONTEXT, kind, dcm("121006", "Person"))
        yield c.person_item(c.HAS_CONTEXT, dcm("121008", "Person Observer Name"), report.observer)
        return
    yield c.code_item(c.HAS_CONTEXT, kind, dcm("121007", "Device"))
    yield c.uid_item(c.HAS_CONTEXT, dcm("121012", "Device Observer UID"), made.uids.new("device"))
    yield c.text_item(c.HAS_CONTEXT, dcm("121013", "Device Observer Name"), "medvox")
    yield c.text_item(c.HAS_CONTEXT, dcm("121014", "Device Observer Manufacturer"), "medvox")
    yield c.text_item(c.HAS_CONTEXT, dcm("121015", "Device Observer Model Name"), f"medvox {VERSION}")


def _group(group: MeasurementGroup, made: Made) -> Dataset:
    """Measurement group: TID 1411 of a segment, 1410 of an outline, else 1501."""
    planar = group.region is not None or (
        group.segment is not None and group.segment.reference.frame is not None
    )
    template = "1410" if planar else "1411" if group.segment is not None else "1501"
    return c.container(c.CONTAINS, GROUP, template, _content(group, made, planar))


def _content(group: MeasurementGroup, made: Made, planar: bool) -> Iterator[Dataset]:
    uid = group.tracking_uid or made.uids.new("tracking", group.tracking_id)
    yield c.text_item(c.HAS_CONTEXT, dcm("112039", "Tracking Identifier"), group.tracking_id)
    yield c.uid_item(c.HAS_CONTEXT, dcm("112040", "Tracking Unique Identifier"), uid)
    if group.finding is not None:
        yield c.code_item(c.CONTAINS, dcm("121071", "Finding"), group.finding)
    if group.segment is not None:
        name = (
            dcm("121214", "Referenced Segmentation Frame") if planar else dcm("121191", "Referenced Segment")
        )
        yield c.image_item(c.CONTAINS, name, group.segment.reference, group.segment.number)
    if group.region is not None:
        yield c.shape_item(c.CONTAINS, dcm("111030", "Image Region"), _checked(group.region))
    if group.segment is not None:
        source = dcm("121233", "Source image for segmentation")
        yield from (c.image_item(c.CONTAINS, source, image) for image in group.images)
    elif group.region is None:
        source = dcm("121112", "Source of Measurement")
        yield from (c.image_item(c.CONTAINS, source, image) for image in group.images)
    if group.site is not None:
        yield c.code_item(c.HAS_MODIFIER, SITE, group.site)
    yield from (_number(measured) for measured in group.measurements)
    yield from (c.code_item(c.CONTAINS, answer.name, answer.value) for answer in group.evaluations)


def _number(measured: Measured) -> Dataset:
    """Measurement (TID 300, 1419)."""
    below = []
    if measured.method is not None:
        below.append(c.code_item(c.HAS_MODIFIER, METHOD, measured.method))
    if measured.derivation is not None:
        below.append(c.code_item(c.HAS_MODIFIER, dcm("121401", "Derivation"), measured.derivation))
    if measured.uncertainty is not None:
        below.append(c.number_item(c.HAS_PROPERTIES, UNCERTAINTY, measured.uncertainty, measured.unit))
    if measured.shape is not None:
        below.append(
            c.shape_item(c.INFERRED, dcm("121112", "Source of Measurement"), _checked(measured.shape))
        )
    return c.number_item(c.CONTAINS, measured.name, measured.value, measured.unit, below)


def _checked(shape: Shape) -> Shape:
    if shape.image is None and not shape.frame_of_reference:
        raise UsageError("a shape in space needs its frame of reference", got=str(shape.graphic))
    return shape
