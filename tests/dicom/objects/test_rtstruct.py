"""Structure sets, beside rt-utils, dciodvfy and shapely."""

import warnings

import numpy as np
import pydicom
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from data import data_dir
from dicom.objects.objects_data import faults, tilted_ct
from medvox.core.contour import ContourSet, PlanarContours, Region, SegmentContours
from medvox.core.errors import GeometryError, MedvoxError, MissingError, UnsupportedError, UsageError
from medvox.core.labels import Code, Segment
from medvox.dicom.objects.rtstruct import (
    RingKind,
    StructureSetOptions,
    read_structure_set,
    write_structure_set,
)
from medvox.dicom.objects.rtstruct.keyhole import keyhole
from medvox.testing import dicom_builder as build
from medvox.workflows.open_folder import read

LIVER = Segment(
    3,
    "Liver",
    0,
    Code("123037004", "SCT", "Anatomical Structure"),
    Code("10200004", "SCT", "Liver"),
    (221, 130, 101),
    description="whole",
)


def square(x: float, y: float, half: float, z: float = 0.0) -> np.ndarray:
    return np.array(
        [[x - half, y - half, z], [x + half, y - half, z], [x + half, y + half, z], [x - half, y + half, z]]
    )


def two_holes_and_an_island(z: float = 0.0) -> tuple[Region, ...]:
    outer = Region(square(10, 8, 6, z), (square(7, 8, 2, z), square(13, 9, 1.5, z)))
    return outer, Region(square(7, 8, 0.75, z))


def contours(z: float = 0.0, **more: object) -> ContourSet:
    plane = PlanarContours(two_holes_and_an_island(z), **more)
    return ContourSet((SegmentContours(LIVER, (plane,)),))


def area(rings: list[np.ndarray]) -> float:
    """Area by the even-odd rule of one path, which is how a keyhole or XOR rings enclose."""
    joined = shapely.Polygon()
    for ring in rings:
        solid = shapely.make_valid(shapely.Polygon(ring[:, :2]), method="linework")
        joined = joined.symmetric_difference(solid)
    return joined.area


@pytest.mark.parametrize("style", ["keyhole", "xor"])
def test_holes_and_islands_come_back_in_either_style(tmp_path, style):
    made = contours()
    path = tmp_path / "rs.dcm"
    write_structure_set(made, path, None, StructureSetOptions(holes=style))
    back = read_structure_set(path)
    roi = back.rois[0]
    assert area([ring.points_mm for ring in roi.rings]) == pytest.approx(
        sum(region.area_mm2 for region in two_holes_and_an_island()), abs=1e-6
    )
    assert len(roi.rings) == (2 if style == "keyhole" else 4)
    assert roi.is_xor == (style == "xor")
    assert (roi.segment.name, roi.segment.color, roi.segment.kind) == (LIVER.name, LIVER.color, LIVER.kind)
    known = [f for f in faults(path) if "CLOSEDPLANAR_XOR" not in f]  # newer than dciodvfy
    assert known == []


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_keyhole_encloses_what_the_region_does_and_crosses_nothing(seed):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 30))
    wavy = 40 + 4 * np.sin(3 * angles)
    outer = np.stack([wavy * np.cos(angles), wavy * np.sin(angles), np.zeros(30)], axis=1)
    whole = shapely.Polygon(outer[:, :2])
    holes: list[np.ndarray] = []
    for _ in range(rng.integers(1, 7)):
        hole = square(*rng.uniform(-25, 25, 2), rng.uniform(1, 5))[:: rng.choice([1, -1])]
        solid = shapely.Polygon(hole[:, :2])
        if whole.buffer(-0.5).contains(solid) and all(
            shapely.Polygon(h[:, :2]).distance(solid) > 0.5 for h in holes
        ):
            holes.append(hole)
    region = Region(outer, tuple(holes))
    ring = keyhole(region)
    solid = shapely.make_valid(shapely.Polygon(ring[:, :2]), method="linework")
    truth = shapely.Polygon(outer[:, :2], [h[:, :2] for h in holes])
    assert solid.symmetric_difference(truth).area < 1e-6
    channels = sum(1 for _ in holes)
    assert len(ring) <= len(outer) + sum(len(h) for h in holes) + 4 * channels


def test_contours_name_patient_study_and_the_image_that_each_lies_on(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    planes = tuple(
        PlanarContours((Region(volume.grid.to_patient(np.array([[k, 2, 2], [k, 2, 9], [k, 9, 9.0]]))),))
        for k in range(7)
    )
    made = ContourSet((SegmentContours(LIVER, planes),), volume.grid.frame_of_reference)
    path = tmp_path / "rs.dcm"
    report = write_structure_set(made, path, volume)
    back = read_structure_set(path, [s.sop_instance_uid for s in volume.known_provenance.sources])
    assert report.notes == ()
    assert back.findings == ()
    assert [r.source.sop_instance_uid for r in back.rois[0].rings] == [
        volume.source_of((k, 3, 3)).sop_instance_uid for k in range(7)
    ]
    data, source = pydicom.dcmread(path), pydicom.dcmread(tmp_path / "ct" / "0001.dcm")
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert data[keyword].value == source[keyword].value
    assert len(back.referenced) == 7
    assert faults(path) == []


def test_rt_utils_fills_our_contours_to_the_same_voxels(tmp_path):
    import rt_utils

    pixels = np.zeros((4, 24, 24), np.int16)  # rt-utils takes rows for columns
    build.save(
        build.stack(pixels, modality="CT", spacing_mm=(2.0, 1.0, 1.0), RescaleSlope=1, RescaleIntercept=0),
        tmp_path / "ct",
    )
    volume = read(tmp_path / "ct")
    made = ContourSet(
        (SegmentContours(LIVER, (PlanarContours((Region(square(12.5, 10.5, 6, 2.0)),)),)),),
        volume.grid.frame_of_reference,
    )
    write_structure_set(made, tmp_path / "rs.dcm", volume)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = rt_utils.RTStructBuilder.create_from(str(tmp_path / "ct"), str(tmp_path / "rs.dcm"))
        mask = theirs.get_roi_mask_by_name("Liver")
    assert theirs.get_roi_names() == ["Liver"]
    inside = np.zeros((24, 24), bool)
    inside[5:17, 7:19] = True  # centers from 4.5 to 16.5 and from 6.5 to 18.5
    z = [n for n in range(4) if mask[:, :, n].any()]
    assert len(z) == 1
    differing = mask[:, :, z[0]] ^ inside
    assert not differing[6:16, 8:18].any()  # rt-utils rounds its edges
    assert not differing[:4].any()
    assert not differing[18:].any()


def test_points_and_open_curves_are_kept(tmp_path):
    curves = (np.array([[1.0, 2, 3]]), np.array([[0, 0, 0], [1, 1, 0.0]]), np.eye(3).repeat(2, 0)[:5] * 9)
    made = ContourSet((SegmentContours(LIVER, (PlanarContours((), curves),)),))
    write_structure_set(made, tmp_path / "rs.dcm")
    rings = read_structure_set(tmp_path / "rs.dcm").rois[0].rings
    assert [r.kind for r in rings][:2] == [RingKind.POINT, RingKind.OPEN_PLANAR]
    for ring, curve in zip(rings, curves, strict=True):
        assert np.allclose(ring.points_mm, curve, atol=1e-6)


def odd_set(path, **changes) -> None:
    """Write a structure set with pydicom, as odd as the changes say."""
    data = build.instance(None, modality="RTSTRUCT")
    data.StructureSetLabel = "odd"
    listed = build.dataset(ROINumber=1, ROIName="A", ReferencedFrameOfReferenceUID="1.2.3")
    data.StructureSetROISequence = [listed, *changes.get("more", [])]
    data.ROIContourSequence = changes.get("drawn", [])
    data.RTROIObservationsSequence = [build.dataset(ReferencedROINumber=1, RTROIInterpretedType="GTV")]
    pydicom.dcmwrite(path, data, enforce_file_format=True)


def contour(points, kind: str = "CLOSED_PLANAR", **more) -> pydicom.Dataset:
    return build.dataset(
        ContourGeometricType=kind, ContourData=points, NumberOfContourPoints=len(points) // 3, **more
    )


TRIANGLE = ["0", "0", "5", "4", "0", "5", "0", "3", "5"]


def test_odd_contours_are_counted_not_dropped_in_silence(tmp_path):
    path = tmp_path / "rs.dcm"
    drawn = build.dataset(
        ReferencedROINumber=1,
        ROIDisplayColor=[300, -2, 7],
        ContourSequence=[
            contour(TRIANGLE),
            contour(TRIANGLE, "BLOB"),
            contour(TRIANGLE[:6]),
            contour(TRIANGLE[:8]),
            contour([]),
            contour(TRIANGLE[:3]),
        ],
    )
    drawn.ContourSequence[0].NumberOfContourPoints = 99
    odd_set(path, drawn=[drawn, build.dataset(ReferencedROINumber=7, ContourSequence=[contour(TRIANGLE)])])
    found = read_structure_set(path)
    told = {f.text for f in found.findings}
    assert [len(r.rings) for r in found.rois] == [4, 1]
    assert [r.kind for r in found.rois[0].rings] == ["CLOSED_PLANAR", "CLOSED_PLANAR", "OPEN_PLANAR", "POINT"]
    assert found.rois[0].segment.color == (255, 0, 7)
    assert found.rois[0].interpreted == "GTV"
    assert found.rois[1].segment.name == "ROI 7"
    assert "2 contours whose points are missing or are no numbers: left out" in told
    assert "1 contours of no known geometric type: taken as closed" in told
    assert "1 contours state another number of points than they have" in told
    assert "1 structures with contours are not listed: named by their number" in told


def test_structures_without_contours_and_missing_images_are_told(tmp_path):
    path = tmp_path / "rs.dcm"
    image = build.dataset(ReferencedSOPClassUID="1.2", ReferencedSOPInstanceUID="1.2.3.4")
    drawn = build.dataset(
        ReferencedROINumber=1, ContourSequence=[contour(TRIANGLE, ContourImageSequence=[image])]
    )
    odd_set(path, drawn=[drawn], more=[build.dataset(ROINumber=2, ROIName="none")])
    codes = {f.code: f.text for f in read_structure_set(path, ["1.9"]).findings}
    assert "1 of 2 structures have no contour" in codes["empty-segment"]
    assert "1 referenced images are not there; 1 of 1 contours" in codes["missing-reference"]
    assert "missing-reference" not in {f.code for f in read_structure_set(path, ["1.2.3.4"]).findings}


def test_what_cannot_be_written_or_read_is_refused(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    elsewhere = ContourSet(contours().segments, "1.2.3")
    with pytest.raises(GeometryError, match="frame of reference"):
        write_structure_set(elsewhere, tmp_path / "x.dcm", volume)
    far = ContourSet((SegmentContours(LIVER, (PlanarContours((Region(square(1e8, 0, 1)),)),)),))
    with pytest.raises(UnsupportedError, match="decimal string"):
        write_structure_set(far, tmp_path / "x.dcm")
    assert not (tmp_path / "x.dcm").exists()
    with pytest.raises(UsageError, match="style"):
        StructureSetOptions(holes="bridge")
    with pytest.raises(MissingError):
        read_structure_set(tmp_path / "none.dcm")
    with pytest.raises(UnsupportedError, match="RT Structure Set"):
        read_structure_set(tmp_path / "ct" / "0001.dcm")


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_bytes_end_in_our_errors_or_a_set(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "rt-mutations"
    folder.mkdir(exist_ok=True)
    path = folder / "rs.dcm"
    if not (folder / "good.dcm").exists():
        write_structure_set(contours(), folder / "good.dcm")
    content = bytearray((folder / "good.dcm").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(132, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        found = read_structure_set(path)
    except MedvoxError:
        return
    assert all(np.isfinite(ring.points_mm).all() for roi in found.rois for ring in roi.rings)


@pytest.mark.parametrize("modality", ["CT", "MR_T1", "PET"])
def test_real_structure_sets_read_like_pydicom_does_and_are_written_again(tmp_path, modality):
    folder = data_dir("sts_pet_ct_mr") / "dicom" / "STS_002" / modality
    path = next((folder / "mask").iterdir())
    found = read_structure_set(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth = pydicom.dcmread(path).ROIContourSequence[0].ContourSequence
        points = [np.array(c.ContourData, float).reshape(-1, 3) for c in truth]
    rings = [ring.points_mm for ring in found.rois[0].rings]
    assert len(rings) == len(points)
    assert all(np.array_equal(a, b) for a, b in zip(rings, points, strict=True))
    volume = read(folder / "image")
    made = ContourSet(
        (SegmentContours(found.rois[0].segment, tuple(PlanarContours((Region(r),)) for r in rings)),),
        found.frame_of_reference,
    )
    report = write_structure_set(made, tmp_path / "rs.dcm", volume)
    again = read_structure_set(
        tmp_path / "rs.dcm", [s.sop_instance_uid for s in volume.known_provenance.sources]
    )
    assert report.notes == ()
    assert again.findings == ()
    assert all(
        np.allclose(a.points_mm, b, atol=1e-6) for a, b in zip(again.rois[0].rings, rings, strict=True)
    )
