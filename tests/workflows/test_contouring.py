"""Contours on files: labels to outlines, outlines to labels, and between outline files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from contours_data import labels_of, outlined
from data import data_dir
from medvox.cli.main import app
from medvox.core.errors import MissingError, UsageError
from medvox.core.grid import Grid
from medvox.core.volume import Volume
from medvox.workflows.contouring import ContourOptions, contour
from medvox.workflows.labels import read_labels, write_labels
from medvox.workflows.outlines import FORMATS, read_contours, write_contours
from medvox.workflows.save import write

PLAIN = np.array([[0, 0, 0.5, 3], [0, 0.5, 0, 4], [2, 0, 0, 5], [0, 0, 0, 1]], float)
RUNNER = CliRunner()


def rings(shape=(4, 40, 44)):
    made = np.zeros(shape, np.uint8)
    y, x = np.mgrid[: shape[1], : shape[2]]
    away = np.hypot(y - 20, x - 21)
    made[:, (away < 18) & (away > 9)] = 1
    made[:, away < 5] = 1
    made[1:, (away < 8) & (away > 6)] = 2
    return labels_of(made, Grid(shape, PLAIN))


@pytest.fixture
def files(tmp_path):
    labels = rings()
    write_labels(labels, tmp_path / "labels.nii.gz")
    write(Volume(labels.data[0].astype(np.int16) * 100, labels.grid), tmp_path / "image.nii.gz")
    return tmp_path, labels


@pytest.mark.parametrize("suffix", [f.suffixes[0] for f in FORMATS if f.suffixes[0] != ".dcm"])
def test_labels_to_outlines_to_labels(files, suffix):
    folder, labels = files
    outlines, again = folder / f"o{suffix}", folder / "again.nii.gz"
    done = RUNNER.invoke(
        app, ["contour", str(folder / "labels.nii.gz"), str(outlines), "--simplify", "0.17", "--json"]
    )
    assert done.exit_code == 0, done.output
    report = json.loads(done.output)
    assert report["what"] == "traced"
    assert [part["changed_voxels"] for part in report["segments"]] == [0, 0]
    assert [part["holes"] for part in report["segments"]] == [4, 3]
    assert 0 <= report["simplified"]["hausdorff_mm"] <= 0.17
    grid = str(folder / "image.nii.gz")
    done = RUNNER.invoke(app, ["contour", str(outlines), str(again), "--grid", grid, "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.output)
    assert [part["voxels"] for part in report["filled"]["segments"]] == [
        int((labels.data == n).sum()) for n in (1, 2)
    ]
    np.testing.assert_array_equal(read_labels(again).data, labels.data)


def test_the_table_names_distance_losses_and_files(files):
    folder, _ = files
    words = ["contour", str(folder / "labels.nii.gz"), str(folder / "o.xyz"), "--smooth", "0.3"]
    done = RUNNER.invoke(app, words)
    assert done.exit_code == 0, done.output
    for text in ("smoothed", "Hausdorff", "does not hold the colors", "o.xyz", "regions"):
        assert text in done.output


def test_grey_values_are_outlined_at_a_level(files):
    folder, labels = files
    done = contour(folder / "image.nii.gz", folder / "o.csv", ContourOptions(level=150.0))
    assert [part.changed_voxels for part in done.segments] == [0]
    assert done.segments[0].holes == 3
    back = contour(folder / "o.csv", folder / "m.nrrd", ContourOptions(grid=folder / "image.nii.gz"))
    np.testing.assert_array_equal(read_labels(folder / "m.nrrd").data[0] > 0, labels.data[0] == 2)
    assert back.filled is not None


def test_outlines_are_converted(files):
    folder, _ = files
    contour(folder / "labels.nii.gz", folder / "o.csv")
    done = contour(folder / "o.csv", folder / "o.dxf", ContourOptions(segments=("segment 2",)))
    assert done.what == "converted"
    assert [s.segment.name for s in read_contours(folder / "o.dxf").segments] == ["segment 2"]


def test_what_is_missing_is_said(files):
    folder, _ = files
    contour(folder / "labels.nii.gz", folder / "o.csv")
    with pytest.raises(UsageError, match="--grid"):
        contour(folder / "o.csv", folder / "m.nii.gz")
    with pytest.raises(UsageError, match="outline file"):
        contour(folder / "labels.nii.gz", folder / "m.nii.gz", ContourOptions(grid=folder / "image.nii.gz"))
    with pytest.raises(MissingError):
        contour(folder / "o.csv", folder / "o.dxf", ContourOptions(segments=("none",)))
    done = RUNNER.invoke(app, ["contour", "a.csv", "b.nii.gz", "--rule", "winding"])
    assert isinstance(done.exception, UsageError)


@pytest.mark.parametrize("modality", ["PET", "CT", "MR_T1"])
def test_outlines_of_a_real_study_on_its_own_slices(tmp_path, modality):
    folder = data_dir("sts_pet_ct_mr")
    known = outlined(folder, modality)
    write_contours(known.contours, tmp_path / "o.bnd")
    images = folder / "dicom" / "STS_002" / modality / "image"
    done = contour(tmp_path / "o.bnd", tmp_path / "m.nii.gz", ContourOptions(grid=images))
    filled = read_labels(tmp_path / "m.nii.gz")
    mask = filled.data[0] > 0
    theirs = known.mask if filled.grid.is_close(known.grid, 0.01) else known.mask[:, ::-1]
    assert done.filled is not None
    assert done.filled.segments[0].voxels == int(known.mask.sum())
    where = np.sort(filled.grid.to_patient(np.argwhere(mask)).round(1), axis=0)
    np.testing.assert_allclose(
        where, np.sort(known.grid.to_patient(np.argwhere(known.mask)).round(1), axis=0), atol=0.11
    )
    assert theirs.shape == mask.shape
