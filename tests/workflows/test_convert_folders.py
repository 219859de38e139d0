"""`convert` from folder to folder: trees, choice of series, going on, resampling, nothing half written."""

import json

import nibabel
import numpy as np
import pytest

import medvox as mv
from medvox.core.errors import CancelledError, MissingError, UsageError
from medvox.core.volume import Volume
from medvox.formats.nifti import NiftiFormat
from medvox.testing import dicom_builder as build
from medvox.testing.volumes import axial_grid, ramp, sheared_grid
from medvox.workflows.convert import ConvertOptions, convert
from medvox.workflows.convert.resampling import grid_wanted

VALUES = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)


@pytest.fixture
def source(tmp_path):
    """Two series in folders of their own, and a NIfTI file beside them."""
    for number, name in ((3, "T1"), (4, "FLAIR dark")):
        slices = build.stack(VALUES + number, series=name, SeriesNumber=number, SeriesDescription=name)
        build.save(slices, tmp_path / "in" / "day one" / name)
    mv.write(Volume(VALUES, axial_grid((4, 5, 6))), tmp_path / "in" / "plain.nii.gz")
    return tmp_path / "in"


def names(report, folder):
    return sorted(done.files[0].relative_to(folder).as_posix() for done in report.converted)


def test_flat_by_default_and_files_without_description_keep_their_name(source, tmp_path):
    report = convert(source, tmp_path / "out")
    assert names(report, tmp_path / "out") == ["3_T1.nii.gz", "4_FLAIR_dark.nii.gz", "plain.nii.gz"]


def test_tree_keeps_the_folders(source, tmp_path):
    report = convert(source, tmp_path / "out", ConvertOptions(tree=True, to="nrrd"))
    expected = ["day_one/FLAIR_dark/4_FLAIR_dark.nrrd", "day_one/T1/3_T1.nrrd", "plain.nrrd"]
    assert names(report, tmp_path / "out") == expected


def test_a_template_may_make_folders_and_never_leaves_the_target(source, tmp_path):
    report = convert(source, tmp_path / "out", ConvertOptions(template="%m/../../%d"))
    assert names(report, tmp_path / "out") == ["MR/FLAIR_dark.nii.gz", "MR/T1.nii.gz", "plain.nii.gz"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (("3",), ["3_T1.nii.gz"]),
        (("flair",), ["4_FLAIR_dark.nii.gz"]),
        (("3", "plain"), ["3_T1.nii.gz", "plain.nii.gz"]),
    ],
)
def test_series_are_chosen_by_number_or_text(source, tmp_path, wanted, expected):
    report = convert(source, tmp_path / "out", ConvertOptions(series=wanted))
    assert names(report, tmp_path / "out") == expected


def test_a_choice_that_fits_nothing_lists_what_there_is(source, tmp_path):
    with pytest.raises(MissingError, match="T1"):
        convert(source, tmp_path / "out", ConvertOptions(series=("77",)))
    assert not (tmp_path / "out").exists()


def test_one_of_several_goes_to_a_file(source, tmp_path):
    with pytest.raises(UsageError, match="--series"):
        convert(source, tmp_path / "one.mha")
    report = convert(source, tmp_path / "one.mha", ConvertOptions(series=("4",), sidecar=False))
    assert [path.name for path in report.converted[0].files] == ["one.mha"]
    assert np.array_equal(mv.read(tmp_path / "one.mha").values(), VALUES + 4)


def test_a_stopped_run_goes_on(source, tmp_path):
    def stop(done, total, text):
        if text.startswith("Converting FLAIR"):
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        convert(source, tmp_path / "out", progress=stop)
    left = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert {path.name for path in left} == {"3_T1.nii.gz", "3_T1.json", "3_T1.slices.csv"}
    report = convert(source, tmp_path / "out", ConvertOptions(skip_existing=True))
    assert [kept.file.name for kept in report.kept] == ["3_T1.nii.gz"]
    assert names(report, tmp_path / "out") == ["4_FLAIR_dark.nii.gz", "plain.nii.gz"]
    assert all(path.stat().st_mtime_ns == time for path, time in left.items())


def test_the_report_lies_in_the_folder_and_tells_losses(source, tmp_path):
    convert(source, tmp_path / "out", ConvertOptions(report=True))
    report = json.loads((tmp_path / "out" / "convert.json").read_text())
    assert [entry["files"][0] for entry in report["converted"]][:2] == ["3_T1.nii.gz", "4_FLAIR_dark.nii.gz"]
    assert any("modality MR" in loss for loss in report["converted"][0]["losses"])
    assert report["skipped"] == []
    assert str(tmp_path) not in json.dumps(report)


def test_a_writer_that_fails_leaves_nothing(source, tmp_path, monkeypatch):
    def write(self, volume, path, progress=None):
        path.write_bytes(b"half")
        raise MissingError("the disk went away", where=path)

    monkeypatch.setattr(NiftiFormat, "write", write)
    report = convert(source, tmp_path / "out")
    assert len(report.skipped) == 3
    assert str(tmp_path / "out" / "3_T1.nii.gz") in report.skipped[0].reason
    assert list((tmp_path / "out").iterdir()) == []


def test_replacing_needs_to_be_asked_for_and_excludes_going_on(source, tmp_path):
    with pytest.raises(UsageError, match="not both"):
        convert(source, tmp_path / "out", ConvertOptions(overwrite=True, skip_existing=True))


def test_resampling_to_a_spacing_keeps_a_linear_field_where_it_is(tmp_path):
    grid = sheared_grid((9, 12, 10))
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    field = (grid.to_patient(index) @ (0.3, -1.7, 0.9)).astype(np.float32)
    mv.write(Volume(field, grid), tmp_path / "a.nii.gz")
    options = ConvertOptions(resample="1.5,0.7,0.7", sidecar=False)
    (done,) = convert(tmp_path / "a.nii.gz", tmp_path / "b.nii.gz", options).converted
    again = mv.read(done.files[0])
    assert np.allclose(again.grid.spacing_mm, (1.5, 0.7, 0.7), atol=1e-5)
    points = again.grid.to_patient(np.moveaxis(np.indices(again.grid.shape), 0, -1))
    place = grid.to_voxel(points)
    inside = ((place > 0) & (place < np.array(grid.shape) - 1)).all(axis=-1)
    assert inside.sum() > 500
    assert np.allclose(again.values()[inside], (points @ (0.3, -1.7, 0.9))[inside], atol=1e-3)


def test_resampling_to_a_file_takes_its_grid(tmp_path):
    mv.write(Volume(ramp((6, 8, 9), "int16"), axial_grid((6, 8, 9))), tmp_path / "a.nii.gz")
    mv.write(Volume(ramp((5, 7, 6), "uint8"), sheared_grid()), tmp_path / "grid.nrrd")
    options = ConvertOptions(resample=str(tmp_path / "grid.nrrd"), interpolation="nearest")
    (done,) = convert(tmp_path / "a.nii.gz", tmp_path / "out", options).converted
    assert mv.read(done.files[0]).grid.is_close(mv.read(tmp_path / "grid.nrrd").grid)
    assert nibabel.load(done.files[0]).get_data_dtype() == np.int16


@pytest.mark.parametrize("wanted", ["0", "1,2", "one", "-1", "nan", "1,2,3,4", "no-file.nii"])
def test_a_spacing_that_makes_no_sense_is_refused(wanted):
    with pytest.raises(UsageError, match="resample"):
        grid_wanted(wanted, axial_grid())


def test_a_new_spacing_covers_the_same_box():
    grid = axial_grid((20, 40, 60))
    fine = grid_wanted("1", grid)
    size = np.array(grid.shape) * grid.spacing_mm
    assert np.allclose(np.array(fine.shape) * fine.spacing_mm, size, atol=0.51)
    assert np.allclose(fine.corners_mm().mean(axis=0), grid.corners_mm().mean(axis=0))


def test_what_an_earlier_run_wrote_below_the_source_is_not_converted_again(source):
    first = convert(source, source / "out")
    again = convert(source, source / "out", ConvertOptions(skip_existing=True))
    assert len(first.converted) == len(again.kept) == 3
    assert not again.converted


def test_raw_values_are_converted_by_their_description(tmp_path):
    VALUES.tofile(tmp_path / "values.bin")
    options = ConvertOptions(raw="columns=6 rows=5 slices=4 type=int16 spacing=0.5x0.5x2")
    (done,) = convert(tmp_path / "values.bin", tmp_path / "x.nrrd", options).converted
    again = mv.read(done.files[0])
    assert np.array_equal(again.values(), VALUES)
    assert np.allclose(again.grid.spacing_mm, (2, 0.5, 0.5))
