"""Outlines that the viewer draws: areas, holes and places beside the voxels they were made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import medvox as mv
from medvox.contours import trace
from medvox.core.labels import LabelMap, Segment
from medvox.server.session import ViewerSession
from medvox.testing import dicom_builder as build
from medvox.workflows.labels import write_labels
from medvox.workflows.open_folder import scan
from medvox.workflows.outlines import write_contours
from server.conftest import Live, running

SPACING = (2.5, 0.8, 1.1)
ORIGIN = (-10.0, -20.0, 30.0)
SHAPE = (6, 32, 40)


def voxels() -> np.ndarray:
    """Segment 1 with two holes and an island in one of them; segment 2 apart."""
    data = np.zeros((1, *SHAPE), np.uint8)
    data[0, 1:5, 4:28, 4:36] = 1
    data[0, 1:5, 8:14, 8:14] = 0
    data[0, 1:5, 16:26, 10:30] = 0
    data[0, 1:5, 19:22, 15:20] = 1
    data[0, 2:4, 0:3, 0:3] = 2
    return data


def area_mm2(ring: list[list[float]]) -> float:
    points = np.array(ring)
    return float(np.linalg.norm(np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0)) / 2)


def areas(found: Any, segment: int = 0) -> float:
    parts = regions_of(found, segment)
    return sum(area_mm2(r["outer"]) - sum(area_mm2(h) for h in r["holes"]) for r in parts)


def regions_of(found: Any, segment: int) -> Any:
    return next(s["regions"] for s in found["segments"] if s["id"] == segment)


def traced_area(inside: np.ndarray, found: Any, segment: int, pixel_mm2: float) -> float:
    """Voxels of a shape of rectangles; an outline cuts an eighth of a pixel off each of their corners."""
    parts = regions_of(found, segment)
    corners = 4 * (len(parts) - sum(len(r["holes"]) for r in parts))
    return (int(inside.sum()) - corners / 8) * pixel_mm2


def filled(found: Any, segment: int) -> np.ndarray:
    """Pixels whose centres lie inside, by shapely."""
    from shapely import Point, Polygon, union_all

    def flat(ring: list[list[float]]) -> list[list[float]]:
        return [point[:2] for point in ring]

    parts = regions_of(found, segment)
    whole = union_all([Polygon(flat(r["outer"]), [flat(h) for h in r["holes"]]) for r in parts])
    xs, ys = (ORIGIN[n] + np.arange(SHAPE[2 - n]) * SPACING[2 - n] for n in (0, 1))
    return np.array([[whole.contains(Point(x, y)) for x in xs] for y in ys])


@pytest.fixture(scope="module")
def live(static: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A CT and the same segments as SEG, RTSTRUCT and label image; a CT of another patient."""
    folder = tmp_path_factory.mktemp("segments")
    pixels = np.random.default_rng(0).integers(0, 1000, SHAPE).astype(np.int16)
    facts = {"modality": "CT", "RescaleSlope": 1, "RescaleIntercept": 0, "SeriesDescription": "body"}
    build.save(build.stack(pixels, origin_mm=ORIGIN, spacing_mm=SPACING, **facts), folder / "ct")
    source = mv.read(folder / "ct")
    other = build.stack(pixels[:3], spacing_mm=SPACING, **{**facts, "SeriesDescription": "other"})
    for instance in other:
        instance.FrameOfReferenceUID = "2.25.99"
        instance.StudyInstanceUID, instance.SeriesInstanceUID = "2.25.97", "2.25.98"
        instance.SOPInstanceUID = f"2.25.98.{instance.InstanceNumber}"
        instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    build.save(other, folder / "other")
    segments = (Segment(1, "Liver", color=(200, 10, 10)), Segment(2, "Spot", color=(0, 90, 200)))
    labels = LabelMap(voxels(), source.grid, segments)
    write_labels(labels, folder / "a.seg.dcm", source)
    write_labels(labels, folder / "c.seg.nrrd")
    write_contours(trace(labels), folder / "b.dcm", source)
    session = ViewerSession(lambda paths, progress: scan(paths, progress=progress), [folder])
    assert session.wait(60)
    with running(session, static) as started:
        yield started


@pytest.fixture(scope="module")
def path(live: Live) -> str:
    return f"/images/{live.image_id('body')}/segments"


@pytest.fixture(scope="module")
def objects(live: Live, path: str) -> dict[str, Any]:
    return {one["kind"]: one for one in live.json(path)}


def test_objects_of_the_image_are_listed_with_volumes(live: Live, objects: dict[str, Any]) -> None:
    assert sorted(objects) == ["RTSTRUCT", "SEG", "labels"]
    counts = [int((voxels() == n).sum()) for n in (1, 2)]
    for one in objects.values():
        assert one["problem"] is None
        assert [s["name"] for s in one["segments"]] == ["Liver", "Spot"]
        found = [s["volume_ml"] for s in one["segments"]]
        assert found == pytest.approx([n * np.prod(SPACING) / 1000 for n in counts])
    assert objects["labels"]["segments"][0]["color"] == "#c80a0a"
    assert live.json(f"/images/{live.image_id('other')}/segments") == []


def test_the_center_is_a_voxel_of_the_segment(objects: dict[str, Any]) -> None:
    for one in objects.values():
        x, y, z = one["segments"][0]["center_mm"]
        k, j, i = np.rint((np.array([z, y, x]) - ORIGIN[::-1]) / SPACING).astype(int)
        assert voxels()[0, k, j, i] == 1


@pytest.mark.parametrize("kind", ["SEG", "RTSTRUCT", "labels"])
def test_stored_slices_keep_holes_and_the_island(
    live: Live, path: str, objects: dict[str, Any], kind: str
) -> None:
    for k in range(SHAPE[0]):
        found = live.json(f"{path}/{objects[kind]['id']}/outlines?k={k}")
        slices = voxels()[0, k]
        numbers = [n for n in (1, 2) if (slices == n).any()]
        assert [s["id"] for s in found["segments"]] == [n - 1 for n in numbers]
        for n in numbers:
            assert np.array_equal(filled(found, n - 1), slices == n)
            expected = traced_area(slices == n, found, n - 1, SPACING[1] * SPACING[2])
            assert areas(found, n - 1) == pytest.approx(expected, rel=1e-4)
    middle = live.json(f"{path}/{objects[kind]['id']}/outlines?k=2")["segments"][0]["regions"]
    assert sorted(len(r["holes"]) for r in middle) == [0, 2]
    depth = np.array(middle[0]["outer"])[:, 2]
    assert depth == pytest.approx(ORIGIN[2] + 2 * SPACING[0])


@pytest.mark.parametrize("kind", ["SEG", "RTSTRUCT", "labels"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_planes_cut_the_voxels(live: Live, path: str, objects: dict[str, Any], kind: str, axis: int) -> None:
    at = (2, 20, 17)
    x, y, z = (ORIGIN[n] + at[2 - n] * SPACING[2 - n] for n in range(3))
    nx, ny, nz = np.eye(3)[2 - axis]
    query = f"x={x}&y={y}&z={z}&nx={nx}&ny={ny}&nz={nz}"
    found = live.json(f"{path}/{objects[kind]['id']}/outlines?{query}")
    cut = np.take(voxels()[0], at[axis], axis=axis) == 1
    side = [s for n, s in enumerate(SPACING) if n != axis]
    assert areas(found) == pytest.approx(traced_area(cut, found, 0, float(np.prod(side))), rel=1e-4)


def test_an_oblique_plane_cuts_what_it_crosses(live: Live, path: str, objects: dict[str, Any]) -> None:
    """A plane along y, turned about it: through the block its area grows by 1 / cos of the angle."""
    x, y, z = ORIGIN[0] + 6.0 * SPACING[2], 0, ORIGIN[2] + 2.5 * SPACING[0]
    query = f"x={x}&y={y}&z={z}&nx={np.cos(0.3)}&ny=0&nz={np.sin(0.3)}"
    found = live.json(f"{path}/{objects['SEG']['id']}/outlines?{query}")
    expected = 24 * SPACING[1] * 4 * SPACING[0] / np.cos(0.3)
    assert areas(found) == pytest.approx(expected, rel=0.12)
    assert live.json(f"{path}/{objects['SEG']['id']}/outlines?z=500&nz=1") == {"segments": []}


def test_bad_requests_are_told(live: Live, path: str, objects: dict[str, Any]) -> None:
    base = f"/api/v1{path}/{objects['SEG']['id']}/outlines"
    assert live.client.get(f"{base}?k=6").status_code == 404
    assert live.client.get(base).status_code == 400
    assert live.client.get(f"/api/v1{path}/nothing/outlines?k=0").status_code == 404
    assert live.client.get(f"{base}?x=nan&nz=1").status_code in (400, 422)


def test_a_damaged_object_says_so(serve: Callable[[ViewerSession], Live], tmp_path: Path) -> None:
    pixels = np.zeros(SHAPE, np.int16)
    build.save(build.stack(pixels, spacing_mm=SPACING, SeriesDescription="body"), tmp_path / "ct")
    source = mv.read(tmp_path / "ct")
    labels = LabelMap(voxels(), source.grid, (Segment(1, "Liver"), Segment(2, "Spot")))
    write_labels(labels, tmp_path / "a.seg.dcm", source)
    session = ViewerSession(lambda paths, progress: scan(paths, progress=progress), [tmp_path])
    assert session.wait(60)
    started = serve(session)
    whole = (tmp_path / "a.seg.dcm").read_bytes()
    (tmp_path / "a.seg.dcm").write_bytes(whole[: len(whole) - 300])
    (one,) = started.json(f"/images/{started.image_id('body')}/segments")
    assert one["segments"] == []
    assert one["problem"]
    assert str(tmp_path) not in one["problem"]
