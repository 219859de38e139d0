"""The demo patient, written in few voxels and read back."""

import hashlib
import json
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK

import medvox as mv
from medvox.core.errors import CancelledError, UsageError
from medvox.core.settings import using
from medvox.simulation.pet import PetScanner
from medvox.simulation.phantom.lesions import LESIONS
from medvox.workflows.demo import patient as demo
from medvox.workflows.demo.series import BODY_BOX, DemoPlan, axial_grid, motion

PLAN = DemoPlan.coarse(PetScanner(counts=0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return demo.write_demo(tmp_path_factory.mktemp("demo") / "patient demo", labelled=True, plan=PLAN)


@pytest.fixture(scope="module")
def truth(folder):
    return json.loads((folder / "truth" / "truth.json").read_text("utf-8"))


def series(folder, name):
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(f) for f in sorted((folder / "patient" / name).glob("*.dcm"))])
    return reader.Execute()


def headers(folder):
    return [pydicom.dcmread(f, stop_before_pixels=True) for f in (folder / "patient").rglob("*.dcm")]


def test_every_file_says_that_it_is_simulated(folder):
    for ds in headers(folder):
        assert (ds.PatientName, ds.PatientID) == ("Demo^Patient", "MEDVOX-DEMO")
        assert "SIMULATED" in ds.ImageType
        assert ds.SeriesDescription.startswith("SIMULATED")
        assert "SIMULATED" in ds.ImageComments


def test_pet_and_ct_share_a_frame_of_reference_and_mr_has_others(folder):
    frames = {}
    for ds in headers(folder):
        frames.setdefault(Path(ds.filename).parent.name, set()).add(ds.get("FrameOfReferenceUID"))
    assert frames["ct"] == frames["pet"]
    assert frames["mr_t1"] == frames["mr_t2"] != frames["mr_dynamic"]
    assert frames["ct"].isdisjoint(frames["mr_t1"] | frames["mr_dynamic"])
    assert frames["dx"] == frames["us"] == {None}


def test_our_scan_finds_all_series_in_order(folder):
    scan = mv.scan(folder / "patient")
    images = {image.label: image for image in scan.images()}
    assert len(images) == 7
    assert len(scan.studies) == 4
    dynamic = next(image for label, image in images.items() if "dynamic" in label)
    volume = dynamic.open()
    assert volume.axes == ("time", "k", "j", "i")
    assert volume.coordinates["time"] == PLAN.times_s


def test_hot_spots_of_the_pet_lie_at_the_lesions(folder):
    """The hottest place near each large lesion is within a voxel of its centre."""
    image = series(folder, "pet")
    values = SimpleITK.GetArrayFromImage(image)
    step = max(image.GetSpacing())
    lesion = next(lesion for lesion in LESIONS if lesion.name == "liver metastasis 1")
    i, j, k = image.TransformPhysicalPointToIndex(lesion.center_mm)
    part = values[k - 3 : k + 4, j - 3 : j + 4, i - 3 : i + 4]
    hot = np.where(part > 0.5 * part.max(), part, 0)
    at = np.array([(n * hot).sum() for n in np.indices(hot.shape)]) / hot.sum() + (k - 3, j - 3, i - 3)
    found = image.TransformContinuousIndexToPhysicalPoint([float(n) for n in at[::-1]])
    assert np.linalg.norm(np.array(found) - lesion.center_mm) < step


def test_suv_of_the_bladder_is_that_of_the_truth(folder, truth):
    image = series(folder, "pet")
    values = SimpleITK.GetArrayFromImage(image)
    i, j, k = image.TransformPhysicalPointToIndex((0.0, -22.0, 27.0))
    ds = pydicom.dcmread(next((folder / "patient" / "pet").glob("*.dcm")))
    drug = ds.RadiopharmaceuticalInformationSequence[0]
    hours = lambda text: int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:])  # noqa: E731
    delay = hours(ds.SeriesTime) - hours(drug.RadiopharmaceuticalStartTime)
    left = float(drug.RadionuclideTotalDose) * 2 ** (-delay / float(drug.RadionuclideHalfLife))
    suv = values[k, j, i] * float(ds.PatientWeight) * 1000 / left
    bladder = next(s for s in truth["segments"] if s["name"] == "urinary bladder")
    assert suv == pytest.approx(bladder["tissues"]["urine"]["suv"], rel=0.05)


def test_labels_lie_on_the_ct_and_hold_the_volumes_of_the_truth(folder, truth):
    labels = nibabel.load(folder / "truth" / "pet_ct_labels.nii.gz")
    image = series(folder, "ct")
    numbers = np.asarray(labels.dataobj)
    assert numbers.shape == image.GetSize()
    flip = np.diag([-1, -1, 1, 1])
    corner = np.array([*image.TransformIndexToPhysicalPoint((3, 5, 7)), 1.0])
    np.testing.assert_allclose(flip @ labels.affine @ (3, 5, 7, 1), corner, atol=1e-3)
    voxel = abs(np.linalg.det(labels.affine[:3, :3])) / 1000
    for name, tolerance in (("liver", 0.05), ("spleen", 0.05), ("urinary bladder", 0.15)):
        segment = next(s for s in truth["segments"] if s["name"] == name)
        measured = float((numbers == segment["number"]).sum()) * voxel
        assert measured == pytest.approx(segment["volume_ml"], rel=tolerance)


def test_mr_labels_lie_on_the_mr(folder, truth):
    """Eyes are bright on T2, and the motion of the truth leads from the PET/CT to them."""
    image = series(folder, "mr_t2")
    move = np.array(truth["motions_from_pet_ct"]["MR head"])
    np.testing.assert_allclose(move, motion("MR head"))
    values = SimpleITK.GetArrayFromImage(image)
    for x in (-32.0, 32.0):
        eye = move @ (x, -76.0, 704.0, 1.0)
        i, j, k = image.TransformPhysicalPointToIndex(eye[:3].tolist())
        assert values[k, j, i] > 3 * np.median(values)


def test_the_truth_names_lesions_with_exact_volumes(truth):
    assert [lesion["name"] for lesion in truth["lesions"]] == [lesion.name for lesion in LESIONS]
    for known, lesion in zip(truth["lesions"], LESIONS, strict=True):
        a, b, c = lesion.radii_mm
        assert known["volume_ml"] == pytest.approx(4 / 3 * np.pi * a * b * c / 1000)
        assert known["activity_bq_ml"] == pytest.approx(known["suv"] * truth["pet"]["bq_ml_per_suv"])


def test_real_images_come_with_their_sources(folder):
    text = (folder / "real" / "SOURCES.md").read_text("utf-8")
    files = sorted((folder / "real").glob("*.dcm"))
    assert len(files) >= 8
    assert all(f.name in text for f in files)
    opened = [image.open().values() for image in mv.scan(folder / "real").images()]
    assert len(opened) == len(files)
    assert all(np.unique(values).size > 2 for values in opened)


def test_the_demo_is_the_same_every_time(folder, tmp_path):
    again = demo.write_demo(tmp_path / "again", plan=PLAN)
    digests = [
        {f.relative_to(root): hashlib.sha256(f.read_bytes()).hexdigest() for f in root.rglob("*.dcm")}
        for root in (folder, again)
    ]
    assert digests[0] == digests[1]


def test_a_full_folder_is_refused_and_a_stopped_demo_leaves_nothing(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="not empty"):
        demo.write_demo(tmp_path / "full", plan=PLAN)

    def stop(done, total, text):
        if text.startswith("Writing"):
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        demo.write_demo(tmp_path / "stopped", progress=stop, plan=PLAN)
    assert [p.name for p in tmp_path.iterdir()] == ["full"]


def test_the_cached_demo_is_made_once(tmp_path, monkeypatch):
    made = []

    def write(folder, progress):
        made.append(folder)
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
        return folder

    monkeypatch.setattr(demo, "write_demo", write)
    with using(data_folder=tmp_path):
        assert demo.demo_folder() == demo.demo_folder()
    assert made == [tmp_path / f"demo-{demo.DEMO_VERSION}"]


def test_grids_cover_their_box():
    grid = axial_grid((2.5, 2.0, 2.0), BODY_BOX)
    assert grid.letters == "SPL"
    low = grid.to_patient((-0.5, -0.5, -0.5))
    high = grid.to_patient(np.array(grid.shape) - 0.5)
    np.testing.assert_allclose(low, [b[0] for b in BODY_BOX])
    np.testing.assert_allclose(high, [b[1] for b in BODY_BOX], atol=2.5)
