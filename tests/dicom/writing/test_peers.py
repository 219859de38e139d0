"""Files we write, in the hands of others: dcm2niix, SimpleITK, highdicom, dcmdump and an Orthanc server."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from medvox.core.axes import SPATIAL, TIME, ras_from_lps
from medvox.core.rescale import Rescale
from medvox.core.volume import Volume
from medvox.dicom.writing import Compression, DicomWriteOptions, write_instance, write_series
from medvox.testing.volumes import oblique_grid, ramp

SHAPE = (6, 20, 18)


def volume(modality, **changes):
    grid = replace(oblique_grid(SHAPE), frame_of_reference="1.2.3.4")
    unit = {"CT": "HU", "PT": "Bq/ml"}.get(modality, "1")
    made = Volume(ramp(SHAPE, "int16") // 16, grid, modality=modality, unit=unit, label=f"peer {modality}")
    return replace(made, **changes)


def timed(modality):
    lead = ramp((3, *SHAPE), "uint16") // 16
    return volume(modality, data=lead, axes=(TIME, *SPATIAL), coordinates={TIME: (0.0, 2.0, 4.0)})


# -- dcm2niix ------------------------------------------------------------------------------------


def converted(folder, out):
    dcm2niix = pytest.importorskip("dcm2niix", reason="dcm2niix is not installed (pip)")
    import nibabel

    out.mkdir()
    subprocess.run([dcm2niix.bin, "-f", "x", "-o", str(out), str(folder)], check=True, capture_output=True)
    (made,) = out.glob("*.nii")
    return nibabel.load(made)


def values_at(image, points_lps, frame=None):
    """Values of a NIfTI at points in the patient."""
    ras = np.asarray(points_lps) * (-1, -1, 1)
    index = np.linalg.inv(image.affine) @ np.c_[ras, np.ones(len(ras))].T
    assert np.abs(index - np.rint(index)).max() < 1e-3
    i, j, k = np.rint(index[:3]).astype(int)
    data = image.get_fdata()
    return data[i, j, k] if frame is None else data[i, j, k, frame]


@pytest.mark.parametrize("kind", ["classic", "enhanced"])
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_dcm2niix_gives_the_same_place_and_values(tmp_path, modality, kind):
    wanted = volume(modality)
    write_series(wanted, tmp_path / "in", DicomWriteOptions(kind=kind))
    image = converted(tmp_path / "in", tmp_path / "out")
    index = np.argwhere(np.ones(SHAPE, bool))
    got = values_at(image, wanted.grid.to_patient(index))
    np.testing.assert_allclose(got, wanted.data[tuple(index.T)], atol=1e-3)
    steps = np.sort(np.linalg.norm(image.affine[:3, :3], axis=0))
    np.testing.assert_allclose(
        steps, np.sort(np.linalg.norm(ras_from_lps(wanted.grid.affine)[:3, :3], axis=0)), 1e-5
    )


def test_dcm2niix_reads_the_rescale_of_every_frame(tmp_path):
    wanted = volume("MR", rescale=Rescale.of(np.linspace(1, 2, SHAPE[0]), np.linspace(0, 5, SHAPE[0])))
    write_series(wanted, tmp_path / "in", DicomWriteOptions(kind="enhanced"))
    image = converted(tmp_path / "in", tmp_path / "out")
    index = np.argwhere(np.ones(SHAPE, bool))
    got = values_at(image, wanted.grid.to_patient(index))
    np.testing.assert_allclose(got, wanted.values(np.float64)[tuple(index.T)], rtol=1e-5, atol=1e-2)


@pytest.mark.parametrize("kind", ["classic", "enhanced"])
def test_dcm2niix_reads_the_time_axis(tmp_path, kind):
    wanted = timed("MR")
    write_series(wanted, tmp_path / "in", DicomWriteOptions(kind=kind))
    image = converted(tmp_path / "in", tmp_path / "out")
    index = np.argwhere(np.ones(SHAPE, bool))
    for t in range(3):
        got = values_at(image, wanted.grid.to_patient(index), t)
        np.testing.assert_allclose(got, wanted.data[t][tuple(index.T)], atol=1e-3)


# -- SimpleITK, highdicom, dcmtk -----------------------------------------------------------------


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_simpleitk_reads_the_series(tmp_path, modality):
    import SimpleITK

    wanted = volume(modality)
    write_series(wanted, tmp_path)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path)))
    image = reader.Execute()
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), wanted.data)
    for kji in ((0, 0, 0), (5, 19, 17), (2, 3, 4)):
        there = image.TransformIndexToPhysicalPoint(tuple(reversed(kji)))
        np.testing.assert_allclose(there, wanted.grid.to_patient(kji), atol=1e-4)


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_highdicom_reads_the_enhanced_image(tmp_path, modality):
    highdicom = pytest.importorskip("highdicom")
    wanted = volume(modality, rescale=Rescale.of(np.linspace(1, 2, SHAPE[0]), np.zeros(SHAPE[0])))
    report = write_instance(wanted, tmp_path / "x.dcm", DicomWriteOptions(kind="enhanced"))
    image = highdicom.imread(report.files[0])
    geometry = image.get_volume_geometry()
    upside_down = wanted.crop((slice(None, None, -1), slice(None), slice(None)))  # as highdicom stacks
    np.testing.assert_allclose(geometry.affine, upside_down.grid.affine, atol=1e-6)
    got = image.get_volume(apply_real_world_transform=False, apply_modality_transform=True)
    np.testing.assert_allclose(got.array, upside_down.values(np.float64))


@pytest.mark.parametrize("kind", ["classic", "enhanced"])
@pytest.mark.parametrize("modality", ["CT", "MR", "OT"])
def test_dcmdump_reads_without_a_word_of_error(tmp_path, modality, kind):
    if shutil.which("dcmdump") is None:
        pytest.skip("dcmdump is not installed (Debian package dcmtk)")
    wanted = volume(modality, data=np.abs(volume(modality).data).astype(np.uint16))
    for file in write_series(wanted, tmp_path, DicomWriteOptions(kind=kind)).files:
        shown = subprocess.run(["dcmdump", str(file)], capture_output=True, text=True)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert "SOPInstanceUID" in shown.stdout


# -- the standard's tables, as highdicom ships them ----------------------------------------------

IODS = {
    ("CT", "classic"): "ct-image", ("MR", "classic"): "mr-image",
    ("PT", "classic"): "positron-emission-tomography-image",
    ("CT", "enhanced"): "enhanced-ct-image", ("MR", "enhanced"): "enhanced-mr-image",
    ("OT", "classic"): "secondary-capture-image",
    ("OT", "enhanced"): "multi-frame-grayscale-word-secondary-capture-image",
}  # fmt: skip


def missing_attributes(data, iod):
    """Type 1 and 2 attributes of mandatory modules that are not there, or empty though of type 1."""
    folder = Path(pytest.importorskip("highdicom").__path__[0]) / "_standard"
    modules, attributes = (
        json.loads((folder / f"{name}_map.json").read_text()) for name in ("iod_module", "module_attribute")
    )
    found = []
    for module in modules[iod]:
        if module["usage"] != "M":
            continue
        for attribute in attributes[module["key"]]:
            if "functional-groups" in module["key"] and len(attribute["path"]) == 1:
                continue  # the table does not say which functional groups are mandatory: dciodvfy does
            places = [data]
            for keyword in attribute["path"]:
                places = [item for place in places for item in place.get(keyword) or []]
            for place in places:
                absent = attribute["keyword"] not in place
                empty = not absent and attribute["type"] == "1" and place[attribute["keyword"]].is_empty
                if attribute["type"] in ("1", "2") and (absent or empty):
                    found.append((module["key"], *attribute["path"], attribute["keyword"]))
    return found


@pytest.mark.parametrize(("modality", "kind"), IODS)
def test_no_required_attribute_is_missing(tmp_path, modality, kind):
    wanted = volume(modality, data=np.abs(volume(modality).data).astype(np.uint16))
    report = write_series(wanted, tmp_path, DicomWriteOptions(kind=kind))
    for file in (report.files[0], report.files[-1]):
        assert missing_attributes(pydicom.dcmread(file), IODS[modality, kind]) == []


# -- Orthanc -------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory):
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    if program is None:
        pytest.skip("Orthanc is not installed (Debian package orthanc)")
    folder = tmp_path_factory.mktemp("orthanc")
    port = free_port()
    settings = {
        "Name": "medvox-test", "StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db"),
        "HttpPort": port, "RemoteAccessAllowed": False, "AuthenticationEnabled": False,
        "DicomServerEnabled": False, "HttpServerEnabled": True, "Plugins": [],
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    log = (folder / "log.txt").open("wb")
    server = subprocess.Popen([program, str(folder / "orthanc.json")], stdout=log, stderr=log, cwd=folder)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{address}/system", timeout=2).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        else:
            pytest.skip("Orthanc does not start here")
        yield address
    finally:
        server.terminate()
        server.wait(20)
        log.close()


@pytest.mark.net
@pytest.mark.parametrize("compression", [Compression.NONE, Compression.JPEG_LS, Compression.DEFLATED])
@pytest.mark.parametrize("kind", ["classic", "enhanced"])
def test_orthanc_gives_back_the_same_bytes(orthanc, tmp_path, kind, compression):
    options = DicomWriteOptions(kind=kind, compression=compression)
    for modality in ("CT", "MR"):
        for file in write_series(volume(modality), tmp_path / modality, options).files:
            raw = file.read_bytes()
            request = urllib.request.Request(f"{orthanc}/instances", data=raw, method="POST")
            with urllib.request.urlopen(request, timeout=20) as answer:
                stored = json.load(answer)
            assert stored["Status"] == "Success"
            with urllib.request.urlopen(f"{orthanc}/instances/{stored['ID']}/file", timeout=20) as answer:
                assert answer.read() == raw
            with urllib.request.urlopen(
                f"{orthanc}/instances/{stored['ID']}/simplified-tags", timeout=20
            ) as answer:
                assert json.load(answer)["Modality"] == modality
