"""Studies, images, probes, sources, headers and pictures against what the scan was made of."""

from __future__ import annotations

import numpy as np
import pytest

from medvox.core.study import Image, Kind, Patient, Scan, Study
from medvox.server.catalog import Catalog, relative_file
from server.conftest import Live
from server.synthetic_scan import (
    NAME,
    ROOT,
    cine,
    ct_tilted,
    ct_unsigned,
    echoes,
    everything,
    floats,
    image,
    pet,
    projection,
    series,
    tilted_uneven_grid,
)

pytestmark = pytest.mark.net


def test_studies_list_everything_with_its_findings(live: Live) -> None:
    answer = live.json("/studies")
    (study,) = answer["studies"]
    assert answer["revision"] == live.json("/session")["revision"] == 1
    assert study["patient"] == {
        "name": NAME, "id": "ID-4711", "birth_date": "19600101", "sex": "F", "age": "064Y"
    }  # fmt: skip
    assert (study["date"], study["time"], study["accession"]) == ("20240311", "093000", "A1")
    assert [s["number"] for s in study["series"]] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    kinds = [s["kind"] for s in study["series"]]
    assert kinds[5:7] == ["cine", "picture"]
    assert kinds[8] == "object"
    assert study["series"][8]["object"]["type"] == "RTSTRUCT"
    assert study["series"][0]["instance_count"] == 40
    assert answer["findings"][0]["where"] == "opened/notes.txt"
    assert [f["code"] for f in study["series"][0]["findings"]] == ["gantry-tilt"]


def test_the_largest_volume_is_shown_first(live: Live) -> None:
    assert live.json("/studies")["first_image_id"] == live.image_id("Huge")


def test_what_is_shown_first_does_not_depend_on_the_order_of_the_list() -> None:
    def first(*listed: Image) -> str | None:
        made = tuple(series(number, one) for number, one in enumerate(listed))
        catalog = Catalog(Scan(("/x",), (Study("1.2", Patient(), "", made),), ()))
        entry, told = catalog.first(), catalog.studies(1).first_image_id
        assert told == (entry.id if entry else None)
        return entry.image.label if entry else None

    small, large = image(floats()), image(ct_unsigned())
    moving, flat = image(cine(), Kind.CINE), image(projection(), Kind.PICTURE)
    assert first(flat, moving, small, large) == first(large, small, moving, flat) == "Unsigned"
    assert first(flat, moving) == "Hand"
    assert first() is None


def test_ids_stay_the_same_from_run_to_run(live: Live) -> None:
    again = Catalog(everything())
    assert list(again.images) == list(live.session.catalog.images)
    assert len(set(again.images) | set(again.series)) == len(again.images) + len(again.series)


def test_tilted_uneven_ct_is_described(live: Live) -> None:
    info = live.info("Head tilted")
    grid = tilted_uneven_grid()
    stored, regular = info["grids"]["stored"], info["grids"]["regular"]
    np.testing.assert_allclose(stored["slice_origins_mm"], grid.origins_mm)
    np.testing.assert_allclose(regular["affine"], grid.regular().affine)
    assert regular["slice_origins_mm"] is None
    assert (info["kind"], info["shape"], info["axes"]) == ("volume", [40, 24, 20], ["k", "j", "i"])
    assert info["badge"]["codes"] == ["gantry-tilt", "uneven-spacing"]
    assert "12.0°" in info["badge"]["text"]
    assert info["windows"][0] == {"name": "Soft", "center": 40, "width": 400}
    assert info["volume_presets"][0] == "ct-bone"
    assert info["pixel_spacing"] == {"row_mm": pytest.approx(2), "column_mm": 1.5, "source": "patient"}
    assert [f["code"] for f in info["findings"]] == ["gantry-tilt"]
    assert info["value"]["unit"] == "HU"
    assert stored["space"] == "patient"


def test_cine_and_projection_are_described(live: Live) -> None:
    cine, hand = live.info("Echo"), live.info("Hand")
    assert (cine["kind"], cine["time_points"], cine["frame_rate"]) == ("cine", 6, 30)
    assert cine["value"]["photometric"] == "RGB"
    assert (cine["windows"], cine["volume_presets"]) == ([], [])
    assert cine["pixel_spacing"]["source"] == "ultrasound-region"
    assert hand["value"]["photometric"] == "MONOCHROME1"
    assert hand["pixel_spacing"] == {"row_mm": 0.14, "column_mm": 0.15, "source": "detector"}
    assert hand["grids"]["stored"]["affine"] is None
    assert live.info("Echoes over time")["frame_times_s"] == [0, 2.5, 5]


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("/scans/opened/a/IM1", "a/IM1"),
        ("/scans/opened/a.zip!/b/IM1", "a.zip!/b/IM1"),
        ("/scans/openedtoo/IM1", "IM1"),
        ("/scans/one.nii", "one.nii"),
        ("a/IM1", "a/IM1"),
        ("../a/IM1", "IM1"),
    ],
)
def test_files_are_named_from_the_opened_folder_on(file: str, shown: str) -> None:
    assert relative_file(file, (ROOT, "/scans/one.nii")) == shown


def test_only_lines_that_do_not_identify_are_marked_so(live: Live) -> None:
    overlay = live.info("Head tilted")["overlay"]
    shown = " ".join(line["text"] for line in overlay if not line["identifying"])
    hidden = " ".join(line["text"] for line in overlay if line["identifying"])
    for word in ("SECRET PATIENT", "ID-4711", "1960-01-01", "2024-03-11", "All kinds"):
        assert word in hidden
        assert word not in shown
    assert "CT Series 1" in shown


# -- one voxel ----------------------------------------------------------------------------------


def test_probe_on_the_stored_grid(live: Live) -> None:
    where = {"grid": "stored", "k": 30, "j": 7, "i": 5}
    found = live.json(f"/images/{live.image_id('Head tilted')}/probe", params=where)
    assert (found["value"], found["stored_value"], found["unit"]) == (30 * 50 + 14 + 1 - 1024, 1515, "HU")
    np.testing.assert_allclose(found["patient_mm"], tilted_uneven_grid().to_patient((30, 7, 5)))
    assert found["source"] == {"sop_instance_uid": "1.2.3.ct.30", "frame": 1, "file": "ct/IM0030"}
    assert found["stored_index"] == [30, 7, 5]


@pytest.mark.parametrize("kji", [(10, 16, 4), (44, 20, 3), (25, 12, 19)])
def test_probe_on_the_regular_copy_leads_to_the_nearest_stored_slice(
    live: Live, kji: tuple[int, int, int]
) -> None:
    grid = tilted_uneven_grid()
    point = grid.regular().to_patient(kji)
    # independent of to_voxel: the slice whose plane is nearest, then the nearest voxel in it
    k = int(np.argmin(np.abs(grid.origins_mm @ grid.normal - point @ grid.normal)))
    steps = grid.affine[:3, 1:3]
    j, i = np.rint(np.linalg.lstsq(steps, point - grid.origins_mm[k], rcond=None)[0]).astype(int).tolist()
    where = dict(zip("kji", kji, strict=True)) | {"grid": "regular"}
    found = live.json(f"/images/{live.image_id('Head tilted')}/probe", params=where)
    assert found["stored_index"] == [k, j, i]
    assert found["source"]["sop_instance_uid"] == f"1.2.3.ct.{k}"
    assert found["stored_value"] == k * 50 + j * 2 + i % 2
    assert abs(found["value"] + 1024 - found["stored_value"]) <= 50
    np.testing.assert_allclose(found["patient_mm"], point)


def test_probe_outside_of_the_stored_slices_has_no_source(live: Live) -> None:
    grid = tilted_uneven_grid()
    copy = grid.regular()
    corners = [np.array(c) * (np.array(copy.shape) - 1) for c in np.ndindex(2, 2, 2)]
    kji = next(c for c in corners if not grid.contains(grid.to_voxel(copy.to_patient(c))))
    where = dict(zip("kji", kji.tolist(), strict=True)) | {"grid": "regular"}
    found = live.json(f"/images/{live.image_id('Head tilted')}/probe", params=where)
    assert (found["source"], found["stored_value"], found["stored_index"]) == (None, None, None)


def test_probe_of_other_kinds(live: Live) -> None:
    frames = np.random.default_rng(4).integers(0, 256, (6, 12, 10, 3), np.uint8)
    colour = live.json(f"/images/{live.image_id('Echo')}/probe", params={"t": 5, "k": 0, "j": 3, "i": 4})
    assert colour["value"] == colour["stored_value"] == frames[5, 3, 4].tolist()
    assert colour["patient_mm"] is None
    where = {"k": 16, "j": 2, "i": 3}
    activity = live.json(f"/images/{live.image_id('FDG')}/probe", params=where)
    assert activity["value"] == pytest.approx(float(pet().data[16, 2, 3]) * 0.9)
    assert activity["stored_value"] == float(pet().data[16, 2, 3])
    nothing = live.json(f"/images/{live.image_id('Floats')}/probe", params={"k": 2, "j": 3, "i": 4})
    assert nothing["value"] is None
    late = live.json(
        f"/images/{live.image_id('Echoes over time')}/probe", params={"t": 5, "k": 1, "j": 2, "i": 3}
    )
    assert late["value"] == float(np.asarray(echoes().data)[2, 1, 1, 2, 3])
    assert late["source"]["sop_instance_uid"] == "1.2.3.mr.26"


@pytest.mark.parametrize(
    ("where", "status"),
    [
        ("k=40&j=0&i=0", 404),
        ("k=-1&j=0&i=0", 404),
        ("k=0&j=24&i=0", 404),
        ("k=0&j=0&i=0&t=1", 404),
        ("k=0&j=0", 400),
        ("k=a&j=0&i=0", 400),
        ("k=99999999999999999999&j=0&i=0", 400),
        ("k=0&j=0&i=0&grid=other", 400),
    ],
)
def test_probe_of_no_voxel_is_refused(live: Live, where: str, status: int) -> None:
    answer = live.client.get(f"/api/v1/images/{live.image_id('Head tilted')}/probe?{where}")
    assert (answer.status_code, bool(answer.json()["error"]["what"])) == (status, True)


def test_slices_know_their_sources(live: Live) -> None:
    rows = live.json(f"/images/{live.image_id('Echoes over time')}/sources", params={"t": 3})
    assert [r["sop_instance_uid"] for r in rows] == [f"1.2.3.mr.{n}" for n in range(15, 20)]
    assert [(r["k"], r["t"]) for r in rows] == [(k, 3) for k in range(5)]
    slopes = [r["slope"] for r in live.json(f"/images/{live.image_id('FDG')}/sources")]
    np.testing.assert_allclose(slopes, np.linspace(0.1, 0.9, 17))
    assert live.json(f"/images/{live.image_id('Floats')}/sources") == []


def test_header_of_a_slice_and_of_an_object(live: Live) -> None:
    found = live.json(f"/images/{live.image_id('Head tilted')}/header", params={"k": 12})
    assert found["title"] == "ct/IM0012"
    name = {"tag": "(0010,0010)", "vr": "PN", "keyword": "PatientName", "value": NAME}
    assert found["elements"][0].items() >= (name | {"depth": 0, "identifying": True}).items()
    assert found["elements"][1]["value"] == "1.2.3.ct.12"
    plan = live.json("/studies")["studies"][0]["series"][8]["id"]
    assert live.json(f"/series/{plan}/header")["title"] == "rt/IM0000"
    assert live.client.get(f"/api/v1/series/{plan}/header?n=1").status_code == 404


# -- pictures -----------------------------------------------------------------------------------


def png_size(data: bytes) -> tuple[int, int]:
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


@pytest.mark.parametrize(("name", "size"), [("thumbnail", 160), ("preview", 768)])
@pytest.mark.parametrize("label", ["Head tilted", "Echo", "Hand", "FDG", "Echoes over time"])
def test_pictures_are_png_of_at_most_their_size(live: Live, label: str, name: str, size: int) -> None:
    answer = live.client.get(f"/api/v1/images/{live.image_id(label)}/{name}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert 0 < max(png_size(answer.content)) <= size


def test_the_server_renders_volumes(live: Live) -> None:
    base = f"/api/v1/images/{live.image_id('Head tilted')}/render"
    first = live.client.get(base, params={"preset": "mip", "width": 64, "height": 48})
    turned = live.client.get(base, params={"preset": "mip", "width": 64, "height": 48, "azimuth": 90})
    assert png_size(first.content) == (64, 48)
    assert first.content != turned.content
    for params in ({"preset": "nothing"}, {"t": 4}):
        assert live.client.get(base, params=params).status_code == 404
    for params in ({"width": 100000}, {"zoom": "nan"}, {"other": 1}):
        assert live.client.get(base, params=params).status_code == 400
    flat = f"/api/v1/images/{live.image_id('Hand')}/render"
    assert live.client.get(flat).status_code == 400


def test_presets_name_everything_an_image_refers_to(live: Live) -> None:
    presets = live.json("/presets")
    names = {p["name"] for p in presets["volume"]}
    assert set(live.info("Head tilted")["volume_presets"]) <= names
    assert {"CT", "PT"} <= set(presets["windows"])
    assert all(p["scale"] in ("value", "relative") for p in presets["volume"])


# -- what cannot be opened ----------------------------------------------------------------------


def test_an_image_that_cannot_be_opened_says_why(live: Live) -> None:
    answer = live.client.get(f"/api/v1/images/{live.image_id('fails with TruncatedError')}")
    assert answer.status_code == 422
    assert answer.json()["error"] == {
        "what": "the pixel data end early (got 10, expected 20)", "where": "opened/bad/IM1", "advice": ""
    }  # fmt: skip


@pytest.mark.parametrize("path", ["", "/thumbnail", "/preview", "/probe?k=0&j=0&i=0", "/sources", "/header"])
def test_unforeseen_errors_tell_nothing_of_the_patient(
    live: Live, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = live.client.get(f"/api/v1/images/{live.image_id('fails with ValueError')}{path}")
    assert answer.status_code == 500
    assert "ValueError" in answer.json()["error"]["what"]
    for text in (answer.text, caplog.text):
        assert NAME not in text
        assert ROOT not in text
    assert "ValueError at synthetic_scan.py" in caplog.text


def test_unknown_images_are_404(live: Live) -> None:
    answer = live.client.get("/api/v1/images/none/probe?k=0&j=0&i=0")
    assert (answer.status_code, answer.json()["error"]["what"]) == (404, "there is no such image")
    assert live.client.post("/api/v1/studies").status_code == 405
    assert live.client.get("/api/v1/nowhere").json()["error"]["where"] == "/api/v1/nowhere"


def test_values_of_the_tilted_volume_are_what_the_tests_think() -> None:
    volume, _ = ct_tilted()
    assert volume.grid.tilt_deg == pytest.approx(12)
    assert not volume.grid.is_even
