"""Outline files: what is written comes back, and files of others are read as their makers describe them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import ezdxf
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contours_data import TILTED, labels_of, numbers, outlined, uneven_grid
from data import data_dir
from medvox.contours import fill, trace
from medvox.core.contour import ContourSet, PlanarContours, Region, SegmentContours
from medvox.core.errors import FormatError, MedvoxError, UnknownFormatError, UnsupportedError, UsageError
from medvox.core.labels import Segment
from medvox.core.volume import Volume
from medvox.formats.outlines.bnd import write_bnd
from medvox.workflows.outlines import FORMATS, read_contours, read_outlines, write_contours

SUFFIXES = [f.suffixes[0] for f in FORMATS if f.suffixes[0] != ".dcm"]
NAMED = [s for s in SUFFIXES if s != ".xyz"]


def nested(grid_shape=(3, 14, 15)):
    made = np.zeros(grid_shape, np.uint8)
    made[:, 1:13, 1:13] = 1
    made[:, 3:7, 3:7] = 0
    made[:, 8:11, 8:11] = 2
    made[:, 4:6, 4:6] = 1
    made[1, 13, 14] = 2
    return labels_of(made, uneven_grid(grid_shape))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_refilled_outlines_give_every_voxel_back(tmp_path, suffix):
    labels = nested()
    contours = trace(labels)
    path = tmp_path / f"outlines{suffix}"
    lost = write_contours(contours, path).losses
    again, findings = read_outlines(path)
    filled, report = fill(again, labels.grid)
    np.testing.assert_array_equal(filled.data, labels.data)
    assert [part.regions for part in report.segments] == [6, 4]
    assert [s.segment.name for s in again.segments] == ["segment 1", "segment 2"]
    if suffix in NAMED:
        assert [s.segment for s in again.segments] == [s.segment for s in contours.segments]
        assert findings == ()
    if suffix in (".geojson", ".svg", ".bnd"):
        assert again.frame_of_reference == "1.2.3"
    else:
        assert any("frame of reference" in sentence for sentence in lost)


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(made=numbers())
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_mask_survives(tmp_path, suffix, made):
    labels = labels_of(made, uneven_grid(made.shape), 3)
    path = tmp_path / f"outlines{suffix}"
    write_contours(trace(labels), path)
    again = read_contours(path)
    if not again.segments:
        assert not made.any()
        return
    filled, _ = fill(again, labels.grid)
    for segment in labels.segments:
        expected = labels.mask(segment.name)
        known = segment.name in [s.name for s in filled.segments]
        np.testing.assert_array_equal(
            filled.mask(segment.name) if known else np.zeros_like(expected), expected
        )


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("modality", ["PET", "CT", "MR_T1"])
def test_outlines_of_a_real_study_survive(tmp_path, modality, suffix):
    known = outlined(data_dir("sts_pet_ct_mr"), modality)
    path = tmp_path / f"outlines{suffix}"
    write_contours(known.contours, path)
    filled, _ = fill(read_contours(path), known.grid)
    np.testing.assert_array_equal(filled.mask("GTV"), known.mask)


def curves():
    points = np.array([[0, 0, 1.5], [3.25, 0, 1.5], [3, 4, 1.5]])
    plane = PlanarContours((), (points, points[:1] + 7))
    return ContourSet((SegmentContours(Segment(4, 'nerve <&> "x"', color=(1, 2, 3)), (plane,)),))


@pytest.mark.parametrize("suffix", [".csv", ".xyz", ".geojson", ".svg", ".dxf"])
def test_open_curves_and_points_come_back(tmp_path, suffix):
    path = tmp_path / f"c{suffix}"
    write_contours(curves(), path)
    again = read_contours(path)
    found = sorted((c for p in again.segments[0].planes for c in p.curves), key=len)
    np.testing.assert_allclose(found[0], [[7, 7, 8.5]] if suffix != ".svg" else found[0], atol=1e-6)
    np.testing.assert_allclose(found[1], curves().segments[0].planes[0].curves[0], atol=1e-6)
    assert again.segments[0].segment.name == 'nerve <&> "x"'
    if suffix != ".xyz":
        assert again.segments[0].segment.color == (1, 2, 3)


def test_open_curves_that_a_format_has_not_are_told(tmp_path):
    assert any("2 open curves" in text for text in write_contours(curves(), tmp_path / "c.bnd").losses)


def test_a_boundary_file_is_written_as_its_maker_describes_it(tmp_path):
    labels = labels_of(np.ones((2, 1, 2), np.uint8))
    path = tmp_path / "b.bnd"
    write_bnd(trace(labels), path, Volume(labels.data[0], labels.grid))
    rows = path.read_text().split()
    assert rows[0] == "0"
    assert rows.count("END") == 3
    assert rows[-2:] == ["END", "END"]
    first = rows[1 : rows.index("END")]
    assert first[0] == first[-1]
    places = {tuple(round(float(x), 5) for x in row.split(",")) for row in first}
    assert places == {(0, -0.5), (1, -0.5), (1.5, 0), (1, 0.5), (0, 0.5), (-0.5, 0)}  # column, row
    assert rows[rows.index("END") + 1] == "1"


def test_a_boundary_file_of_others(tmp_path):
    path = tmp_path / "rat.bnd"
    rows = "1 0,0 10,0 10,10 0,10 0,0 END 0 1.5,1 4,1 4;4 END 1 4,4 4,6 6,6 6,4 4,4 END END rest"
    path.write_text("\n".join(rows.split()))
    contours, findings = read_outlines(path)
    assert [p.regions[0].area_mm2 for p in contours.segments[0].planes] == [pytest.approx(3.75), 96]
    assert [p.regions[0].outer[0, 2] for p in contours.segments[0].planes] == [0, 1]
    assert {f.code for f in findings} == {"outline-units-assumed", "outline-not-closed", "contour-nested"}


@pytest.mark.parametrize(
    "text",
    ["1\n0,0\n", "x\n0,0\nEND\nEND", "1\nEND\nEND", "1\n0,a\nEND\nEND", "1\n0,nan\nEND", "1\n1,2,3\nEND"],
)
def test_a_damaged_boundary_file(tmp_path, text):
    path = tmp_path / "b.bnd"
    path.write_text(text)
    with pytest.raises(FormatError):
        read_contours(path)


def test_a_companion_of_another_boundary_file_is_refused(tmp_path):
    write_contours(trace(nested()), tmp_path / "b.bnd")
    (tmp_path / "b.bnd").write_text("1\n0,0\n1,0\n1,1\n0,0\nEND\nEND\n")
    with pytest.raises(FormatError, match="companion"):
        read_contours(tmp_path / "b.bnd")


def test_dxf_is_in_millimetres_with_a_layer_a_segment(tmp_path):
    path = tmp_path / "o.dxf"
    contours = trace(nested())
    write_contours(contours, path)
    document = ezdxf.readfile(path)
    assert document.units == ezdxf.units.MM
    assert {e.dxf.layer for e in document.modelspace()} == {"segment 1", "segment 2"}
    assert not document.audit().has_errors
    first = document.modelspace().query("LWPOLYLINE")[0]
    points = np.array([tuple(v) for v in first.vertices_in_wcs()])
    np.testing.assert_allclose(points, contours.segments[0].planes[0].regions[0].outer, atol=1e-9)


def test_dxf_of_others_in_inches_with_curves(tmp_path):
    document = ezdxf.new("R2000")
    document.units = ezdxf.units.IN
    space = document.modelspace()
    space.add_circle((0, 0, 2), 1, dxfattribs={"layer": "disc"})
    space.add_text("no outline")
    document.saveas(tmp_path / "o.dxf")
    contours, findings = read_outlines(tmp_path / "o.dxf")
    region = contours.segments[0].planes[0].regions[0]
    assert region.area_mm2 == pytest.approx(np.pi * 25.4**2, rel=1e-3)
    assert region.outer[0, 2] == pytest.approx(50.8)
    assert {f.code for f in findings} == {"outline-curve", "outline-skipped"}


def test_geojson_is_understood_by_shapely(tmp_path):
    contours = trace(nested())
    write_contours(contours, tmp_path / "o.geojson")
    found = json.loads((tmp_path / "o.geojson").read_text())
    assert found["coordinates_in"] == "LPS mm"
    areas = [shapely.from_geojson(json.dumps(f["geometry"])).area for f in found["features"]]
    expected = [
        shapely.MultiPolygon([(r.outer[:, :2], [h[:, :2] for h in r.holes]) for r in p.regions]).area
        for s in contours.segments
        for p in s.planes
    ]
    np.testing.assert_allclose(areas, expected, rtol=1e-6)


def test_geojson_of_others(tmp_path):
    path = tmp_path / "o.geojson"
    path.write_text('{"type": "Polygon", "coordinates": [[[0,0],[4,0],[4,4],[0,0]]]}')
    contours, findings = read_outlines(path)
    assert contours.segments[0].planes[0].regions[0].area_mm2 == 8
    assert {f.code for f in findings} == {"outline-units-assumed", "outline-plane-assumed"}


def test_svg_says_its_size_in_millimetres(tmp_path):
    labels = labels_of(np.ones((1, 3, 4), np.uint8))
    write_contours(trace(labels), tmp_path / "o.svg")
    root = ET.parse(tmp_path / "o.svg").getroot()
    assert root.get("width", "").endswith("mm")
    assert len(root.findall(".//{*}path")) == 1


def test_svg_of_others(tmp_path):
    path = tmp_path / "o.svg"
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg"><path id="a" d="m1 1h4v4H1z M2,2 l1 0 0 1 z"/>'
        '<polygon id="b" points="0,0 2,0 2,2"/><line x1="0" y1="0" x2="3" y2="4"/></svg>'
    )
    contours, findings = read_outlines(path)
    assert contours.segments[0].planes[0].regions[0].area_mm2 == pytest.approx(15.5)
    assert contours.segments[1].planes[0].regions[0].area_mm2 == pytest.approx(2)
    assert {f.code for f in findings} == {"outline-plane-assumed", "contour-nested"}
    path.write_text('<svg><path d="M0 0 C 1 1 2 2 3 0 z"/></svg>')
    with pytest.raises(UnsupportedError):
        read_contours(path)


def test_tables_of_others(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("X;Y;Z\n".replace(";", ",") + "0,0,1\n4,0,1\n4,4,1\n")
    assert read_contours(path).segments[0].planes[0].regions[0].area_mm2 == 8
    path = tmp_path / "p.xyz"
    path.write_text("0 0 1\n4 0 1\n4 4 1\n0 0 1\n\n7 7 7 255 0 0\n")
    planes = read_contours(path).segments[0].planes
    assert sum(len(p.regions) for p in planes) == 1
    assert sum(len(p.curves) for p in planes) == 1


def test_formats_of_parallel_planes_refuse_others(tmp_path):
    box = np.array([[0, 0, 0], [4, 0, 0], [4, 4, 0], [0, 4, 0]], float)
    planes = (PlanarContours((Region(box),)), PlanarContours((Region(box[:, [2, 0, 1]]),)))
    contours = ContourSet((SegmentContours(Segment(1, "a"), planes),))
    for suffix in (".svg", ".bnd"):
        with pytest.raises(UsageError):
            write_contours(contours, tmp_path / f"o{suffix}")
        assert not list(tmp_path.iterdir())
    write_contours(contours, tmp_path / "o.geojson")
    assert len(read_contours(tmp_path / "o.geojson").segments[0].planes) == 2


def test_unknown_endings(tmp_path):
    with pytest.raises(UnknownFormatError):
        read_contours(tmp_path / "o.abc")


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_contours_or_one_of_our_errors(tmp_path, suffix, data):
    path = tmp_path / f"any{suffix}"
    path.write_bytes(data)
    try:
        assert isinstance(read_contours(path), ContourSet)
    except MedvoxError:
        return


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(st.randoms(use_true_random=False))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_give_contours_or_one_of_our_errors(tmp_path, suffix, random):
    path = tmp_path / f"any{suffix}"
    if not path.exists():
        write_contours(trace(nested()), path)
        path.with_suffix(".kept").write_bytes(path.read_bytes())
    data = bytearray(path.with_suffix(".kept").read_bytes())
    for _ in range(random.randint(1, 5)):
        at = random.randrange(len(data))
        data[at : at + random.randint(0, 9)] = bytes(random.choice(b'09.,-eE{}[]<>" \nZx') for _ in range(3))
    path.write_bytes(data)
    try:
        assert isinstance(read_contours(path), ContourSet)
    except MedvoxError:
        return


def test_the_affine_of_the_tests_is_oblique():
    assert np.count_nonzero(TILTED[:3, :3]) > 5
