"""Measurement reports, beside highdicom, dciodvfy and dcmqi's example."""

import math
import warnings

import numpy as np
import pydicom
import pytest

from data import data_dir
from dicom.objects.objects_data import faults, overlapping, tilted_ct
from medvox.core.errors import MedvoxError, UnsupportedError, UsageError
from medvox.core.labels import Code
from medvox.core.volume import Volume
from medvox.dicom.objects.segmentation import write_segmentation
from medvox.dicom.objects.sources import find_sources
from medvox.dicom.objects.structured_report import (
    Evaluation,
    Graphic,
    Measured,
    MeasurementGroup,
    MeasurementReport,
    SegmentReference,
    Shape,
    read_measurement_report,
    write_measurement_report,
)
from medvox.dicom.writing.source import Reference

VOLUME = Code("118565006", "SCT", "Volume")
LENGTH = Code("410668003", "SCT", "Length")
MM, MM3 = Code("mm", "UCUM", "mm"), Code("mm3", "UCUM", "mm3")
MEAN = Code("373098007", "SCT", "Mean")
SKULL = Code("89546000", "SCT", "Skull")


def report(volume: Volume, folder) -> MeasurementReport:
    """Numbers of a segment, of an outline and of a line in any plane."""
    write_segmentation(overlapping(volume), folder / "seg.dcm", volume)
    seg = pydicom.dcmread(folder / "seg.dcm", stop_before_pixels=True)
    reference = Reference(seg.SOPClassUID, seg.SOPInstanceUID, seg.SeriesInstanceUID, seg.StudyInstanceUID)
    images = find_sources(volume).references
    frame = volume.grid.frame_of_reference
    line = Shape(Graphic.POLYLINE, [[0, 0, 0], [1, 2, 2.0]], frame)
    outline = Shape(Graphic.POLYGON, [[0, 0, 1], [4, 0, 1], [0, 3, 1.0]], frame)
    return MeasurementReport(
        (
            MeasurementGroup(
                "skull",
                (Measured(VOLUME, 1000 / 3, MM3, uncertainty=0.1), Measured(LENGTH, math.pi, MM, MEAN)),
                SKULL,
                segment=SegmentReference(reference, 1),
                images=images[:2],
                evaluations=(Evaluation(Code("121071", "DCM", "Finding"), SKULL),) * 0,
                tracking_uid="2.25.77",
            ),
            MeasurementGroup("line", (Measured(LENGTH, 3.0, MM, shape=line),), images=images[:1]),
            MeasurementGroup("area", (Measured(VOLUME, 1e-30, MM3),), site=SKULL, region=outline),
        ),
        images=images,
    )


def test_numbers_come_back_to_the_last_bit_with_all_they_are_about(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    made = report(volume, tmp_path)
    write_measurement_report(made, tmp_path / "sr.dcm", volume)
    back = read_measurement_report(tmp_path / "sr.dcm")
    assert back.findings == ()
    assert back.images == made.images
    for theirs, ours in zip(back.groups, made.groups, strict=True):
        assert (theirs.tracking_id, theirs.finding, theirs.site) == (
            ours.tracking_id,
            ours.finding,
            ours.site,
        )
        assert (theirs.segment, theirs.images) == (ours.segment, ours.images)
        for a, b in zip(theirs.measurements, ours.measurements, strict=True):
            assert (a.name, a.value, a.unit, a.derivation, a.uncertainty) == (
                (b.name, b.value, b.unit, b.derivation, b.uncertainty)
            )
    assert back.groups[0].tracking_uid == "2.25.77"
    assert np.allclose(back.groups[1].measurements[0].shape.points, [[0, 0, 0], [1, 2, 2]])
    assert back.groups[2].region.graphic is Graphic.POLYGON
    assert back.groups[2].region.points.shape == (3, 3)


def test_highdicom_parses_the_same_numbers(tmp_path):
    import highdicom as hd

    volume = tilted_ct(tmp_path / "ct")
    write_measurement_report(report(volume, tmp_path), tmp_path / "sr.dcm", volume)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = hd.sr.srread(tmp_path / "sr.dcm").content
        volumetric = content.get_volumetric_roi_measurement_groups()
        planar = content.get_planar_roi_measurement_groups()
        plain = content.get_image_measurement_groups()
        found = [
            [(m.name.meaning, m.value) for m in g[0].get_measurements()] for g in (volumetric, planar, plain)
        ]
    assert found == [[("Volume", 1000 / 3), ("Length", math.pi)], [("Volume", 1e-30)], [("Length", 3.0)]]
    assert volumetric[0].tracking_uid == "2.25.77"


def test_the_report_belongs_to_the_study_and_lists_its_evidence(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    write_measurement_report(report(volume, tmp_path), tmp_path / "sr.dcm", volume)
    made = pydicom.dcmread(tmp_path / "sr.dcm")
    source = pydicom.dcmread(tmp_path / "ct" / "0001.dcm")
    assert made.StudyInstanceUID == source.StudyInstanceUID
    assert made.PatientID == source.PatientID
    named = {
        i.ReferencedSOPInstanceUID
        for s in made.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
        for i in s.ReferencedSOPSequence
    }
    assert named == {s.sop_instance_uid for s in volume.known_provenance.sources} | {
        pydicom.dcmread(tmp_path / "seg.dcm").SOPInstanceUID
    }
    assert faults(tmp_path / "sr.dcm") == []


def test_what_makes_no_report_is_refused(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    with pytest.raises(UsageError, match="at least one group"):
        write_measurement_report(MeasurementReport(()), tmp_path / "x.dcm", volume)
    loose = Shape(Graphic.POINT, [[0, 0, 0.0]])
    group = MeasurementGroup("a", (Measured(LENGTH, 1.0, MM, shape=loose),))
    with pytest.raises(UsageError, match="frame of reference"):
        write_measurement_report(MeasurementReport((group,)), tmp_path / "x.dcm", volume)
    with pytest.raises(UsageError, match="do not fit"):
        Shape(Graphic.POINT, [[0, 0]])
    assert not (tmp_path / "x.dcm").exists()
    with pytest.raises(UnsupportedError, match="structured report"):
        read_measurement_report(tmp_path / "ct" / "0001.dcm")


def test_a_cut_off_report_ends_in_a_clear_error(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    write_measurement_report(report(volume, tmp_path), tmp_path / "sr.dcm", volume)
    content = (tmp_path / "sr.dcm").read_bytes()
    for length in (140, 900, len(content) // 2, len(content) - 5):
        (tmp_path / "cut.dcm").write_bytes(content[:length])
        try:
            found = read_measurement_report(tmp_path / "cut.dcm")
        except MedvoxError:
            continue
        assert found.findings  # says that there is no group


def test_dcmqis_report_holds_the_numbers_that_pydicom_finds():
    path = data_dir("dcmqi_seg_sr") / "sr-example" / "sr.dcm"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = [
            float(item.MeasuredValueSequence[0].NumericValue)
            for item in _items(pydicom.dcmread(path))
            if item.get("ValueType") == "NUM"
        ]
    found = read_measurement_report(path)
    assert [m.value for g in found.groups for m in g.measurements] == values
    assert found.groups[0].tracking_id == "primary tumor"
    assert found.groups[0].segment.number == 1
    volume = next(m for m in found.groups[0].measurements if m.name.meaning == "Volume")
    assert (volume.value, volume.unit.value) == (33.5824, "ml")


def _items(data):
    """Items but those of the image library."""
    for item in data.get("ContentSequence", []):
        if item.get("ConceptNameCodeSequence") and item.ConceptNameCodeSequence[0].CodeValue == "111028":
            continue
        yield item
        yield from _items(item)


def test_highdicoms_reports_hold_the_groups_that_highdicom_finds():
    import highdicom as hd

    path = data_dir("highdicom_test_files") / "sr_document_with_multiple_groups.dcm"
    found = read_measurement_report(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = hd.sr.srread(path).content
        theirs = {
            g.tracking_identifier: [m.value for m in g.get_measurements()]
            for groups in (
                content.get_volumetric_roi_measurement_groups(),
                content.get_planar_roi_measurement_groups(),
                content.get_image_measurement_groups(),
            )
            for g in groups
        }
    assert {g.tracking_id: [m.value for m in g.measurements] for g in found.groups} == theirs
    assert found.findings == ()
