"""`medvox measure`: tables, JSON, CSV, reports and refusals."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

import medvox as mv
from data import data_dir
from medvox.cli.main import app
from medvox.core import affine as aff
from medvox.core.errors import GeometryError, MissingError, UsageError
from medvox.core.grid import Grid
from medvox.core.volume import Volume

GRID = Grid((30, 40, 40), aff.compose((2.0, 1.0, 1.0), np.eye(3)[:, ::-1], (0, 0, 0)))


def run(*words):
    result = CliRunner().invoke(app, [str(w) for w in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def files(tmp_path):
    k, j, i = np.indices(GRID.shape)
    far = np.sqrt(((k - 15.3) * 2.0) ** 2 + (j - 20.2) ** 2 + (i - 19.6) ** 2)
    image = np.where(far < 10, 300, 20) + (k + j + i) % 7
    mv.write(Volume(image.astype(np.int16), GRID), tmp_path / "image.nii.gz")
    for name, radius in (("labels", 10), ("later", 12)):
        mask = (far < radius).astype(np.uint8)
        mask[:2, :4, :4] = 2
        mv.write(Volume(mask, GRID), tmp_path / f"{name}.nii.gz")
    return tmp_path


def test_the_word_may_be_left_out(files):
    table = run("measure", files / "image.nii.gz", "--labels", files / "labels.nii.gz")
    assert "Segment 1" in table
    assert "±" in table
    assert "discretization alone" in table
    rows = json.loads(run("measure", files / "image.nii.gz", "--labels", files / "labels.nii.gz", "--json"))
    found = {(r["segment"], r["quantity"]): r for r in rows}
    volume = found["Segment 1", "volume"]
    assert abs(volume["value"] - 4 / 3 * np.pi) <= 2 * volume["discretization_95"]
    assert found["Segment 2", "volume"]["note"] == "reaches the border of the image"
    same = run("measure", "segments", files / "image.nii.gz", "--labels", files / "labels.nii.gz", "--json")
    assert json.loads(same) == rows


def test_csv_has_the_numbers_of_json(files):
    words = ("measure", files / "image.nii.gz", "--labels", files / "labels.nii.gz", "--segment", "Segment 1")
    run(*words, "--csv", files / "out.csv")
    with (files / "out.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    rows = json.loads(run(*words, "--json"))
    assert [float(t["value"]) for t in table] == [r["value"] for r in rows]
    assert {t["segment"] for t in table} == {"Segment 1"}


def test_other_words(files):
    image, labels, later = (files / f"{n}.nii.gz" for n in ("image", "labels", "later"))
    overlap = json.loads(run("measure", "overlap", labels, later, "--lesions", "--json"))
    assert {r["quantity"] for r in overlap} >= {"dice", "hd95_mm", "nsd", "lesion_f1"}
    change = json.loads(run("measure", "change", labels, later, "--json"))
    grown = next(r for r in change if r["quantity"] == "volume" and r["segment"] == "Segment 1")
    assert grown["value"] == pytest.approx(4 / 3 * np.pi * (1.728 - 1), rel=0.02)
    features = json.loads(
        run("measure", "radiomics", image, "--labels", labels, "--family", "glcm", "--bins", 8, "--json")
    )
    assert len(features) == 2 * 25
    uptake = json.loads(run("measure", "suv", image, "--labels", labels, "--values-are-suv", "--json"))
    assert next(r for r in uptake if r["quantity"] == "suv_max")["value"] == 306
    calcium = json.loads(run("measure", "calcium", image, "--labels", labels, "--json"))
    assert calcium[0]["quantity"] == "agatston"
    density = run(
        "measure", "bone-density", image, "--labels", labels, "--rod", "Segment 1=300", "--rod",
        "Segment 2=0", "--json",
    )  # fmt: skip
    assert json.loads(density)[0]["segment"] == "calibration"


def test_refusals(files):
    image, labels = files / "image.nii.gz", files / "labels.nii.gz"
    moved = Volume(np.ones(GRID.shape, np.uint8), Grid(GRID.shape, np.diag([1.0, 1, 2, 1])[[2, 1, 0, 3]]))
    mv.write(moved, files / "moved.nii.gz")
    mv.write(Volume(np.zeros(GRID.shape, np.uint8), GRID), files / "empty.nii.gz")
    cases = (
        (("measure", image, "--labels", files / "moved.nii.gz"), GeometryError),
        (("measure", image, "--labels", files / "empty.nii.gz"), MissingError),
        (("measure", image, "--labels", labels, "--segment", "liver"), MissingError),
        (("measure", image, "--labels", labels, "--sr", files / "x.dcm"), UsageError),
        (("measure", "suv", image, "--labels", labels), UsageError),
        (("measure", "radiomics", image, "--labels", labels, "--family", "x"), UsageError),
        (("measure", "bone-density", image, "--labels", labels, "--rod", "Segment 1"), UsageError),
        (("measure", "overlap", labels, labels, "--boundary", "x"), UsageError),
    )
    for words, error in cases:
        with pytest.raises(error):
            run(*words)
    assert not (files / "x.dcm").exists()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_report_that_highdicom_reads_to_the_same_numbers(tmp_path):
    import highdicom as hd

    folder = data_dir("sts_pet_ct_mr") / "dicom" / "STS_002" / "CT" / "image"
    image = mv.read(folder)
    values = image.values()
    mask = np.zeros(values.shape, np.uint8)
    mask[5:15, 40:80, 40:90] = values[5:15, 40:80, 40:90] > 0
    mv.write(Volume(mask, image.grid), tmp_path / "labels.nrrd")
    rows = json.loads(
        run("measure", folder, "--labels", tmp_path / "labels.nrrd", "--sr", tmp_path / "sr.dcm", "--json")
    )
    report = hd.sr.srread(tmp_path / "sr.dcm")
    [group] = report.content.get_image_measurement_groups()
    found = {m.name.meaning: (m.value, m.unit.value) for m in group.get_measurements()}
    expected = {r["quantity"]: (r["value"], r["unit"]) for r in rows}
    assert found["Volume"] == expected["volume"]
    assert len(found) == len(expected)
    assert sorted(v for v, _ in found.values()) == pytest.approx(sorted(v for v, _ in expected.values()))
