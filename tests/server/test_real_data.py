"""The viewer on a real tilted CT: what it serves against pydicom's own reading of the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from data import data_dir
from medvox.server.session import ViewerSession
from server.conftest import Live
from server.test_values import fetch, fetch_all

pytestmark = pytest.mark.net


@pytest.fixture
def slices() -> list[pydicom.Dataset]:
    """Headers and pixels in the order of their positions along the normal of the slices."""
    found = [pydicom.dcmread(f) for f in sorted(data_dir("ct_head_ge_tilt").rglob("*.dcm"))]
    row, column = np.split(np.array(found[0].ImageOrientationPatient, float), 2)
    normal = np.cross(row, column)
    return sorted(found, key=lambda d: float(np.array(d.ImagePositionPatient, float) @ normal))


def hounsfield(dataset: pydicom.Dataset) -> np.ndarray:
    return np.asarray(dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept))


def test_a_tilted_head_is_served_as_its_files_hold_it(
    serve: Callable[[ViewerSession], Live], slices: list[pydicom.Dataset]
) -> None:
    from medvox.workflows.open_folder import scan

    folder = data_dir("ct_head_ge_tilt")
    live = serve(ViewerSession(lambda paths, progress: scan(paths, progress=progress), [folder]))
    assert live.session.wait(60)
    ((image_id, _),) = live.session.catalog.images.items()
    info = live.json(f"/images/{image_id}")
    assert set(info["badge"]["codes"]) == {"gantry-tilt", "uneven-spacing"}
    np.testing.assert_array_equal(fetch_all(live, info), np.stack([hounsfield(d) for d in slices]))
    origins = info["grids"]["stored"]["slice_origins_mm"]
    np.testing.assert_allclose(
        origins, [[float(v) for v in d.ImagePositionPatient] for d in slices], atol=1e-3
    )
    rows = live.json(f"/images/{image_id}/sources")
    assert [r["sop_instance_uid"] for r in rows] == [d.SOPInstanceUID for d in slices]
    assert all((folder / r["file"]).is_file() for r in rows)
    for k, j, i in [(0, 0, 0), (9, 300, 211), (27, 511, 511)]:
        found = live.json(f"/images/{image_id}/probe", params={"k": k, "j": j, "i": i})
        assert found["value"] == hounsfield(slices[k])[j, i]
        assert found["stored_value"] == slices[k].pixel_array[j, i]
        np.testing.assert_allclose(found["patient_mm"], place(slices[k], j, i), atol=1e-3)
    regular_probe(live, f"/images/{image_id}", info, slices)
    url = info["grids"]["stored"]["slice_url"].format(t=0, k=13)
    np.testing.assert_array_equal(fetch(live, url, "int16").reshape(512, 512), hounsfield(slices[13]))
    assert str(Path(folder).parent) not in live.client.get("/api/v1/studies").text


def regular_probe(live: Live, base: str, info: dict, slices: list[pydicom.Dataset]) -> None:  # type: ignore[type-arg]
    """A voxel of the regular copy names the nearest slice that was stored."""
    grid = info["grids"]["regular"]
    index = [n // 2 for n in grid["shape"]]
    point = (np.array(grid["affine"]) @ [*index, 1])[:3]
    row, column = np.split(np.array(slices[0].ImageOrientationPatient, float), 2)
    normal = np.cross(row, column)
    depths = [abs(float((np.array(d.ImagePositionPatient, float) - point) @ normal)) for d in slices]
    nearest = slices[int(np.argmin(depths))]
    found = live.json(f"{base}/probe", params=dict(zip("kji", index, strict=True)) | {"grid": "regular"})
    assert found["source"]["sop_instance_uid"] == nearest.SOPInstanceUID
    _, j, i = found["stored_index"]
    assert found["stored_value"] == nearest.pixel_array[j, i]
    assert np.linalg.norm(place(nearest, j, i) - point) <= min(depths) + 0.5


def place(dataset: pydicom.Dataset, j: int, i: int) -> np.ndarray:
    """Patient position of a pixel (PS3.3 equation C.7.6.2.1-1)."""
    row, column = np.split(np.array(dataset.ImageOrientationPatient, float), 2)
    between_rows, between_columns = (float(v) for v in dataset.PixelSpacing)
    origin = np.array(dataset.ImagePositionPatient, float)
    return np.asarray(origin + row * between_columns * i + column * between_rows * j)
