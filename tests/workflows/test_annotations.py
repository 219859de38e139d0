"""Labels and outlines through DICOM, from the public names down."""

import json

import numpy as np
import pydicom
import pytest
from typer.testing import CliRunner

import medvox as mv
from data import data_dir
from dicom.objects.objects_data import overlapping, tilted_ct
from medvox.cli.main import app
from medvox.contours import fill, trace
from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap, Segment
from medvox.workflows.labels import onto_slices, read_labels, write_labels


def test_a_segmented_file_keeps_the_voxels_of_the_tilted_source(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    path = tmp_path / "bone.seg.dcm"
    run = CliRunner().invoke(app, ["segment", "threshold", str(tmp_path / "ct"), str(path), "--lower", "300"])
    assert run.exit_code == 0, run.output
    back = mv.read_labels(path, volume)
    assert np.array_equal(back.data[0] > 0, volume.values() >= 300)
    assert (
        pydicom.dcmread(path).StudyInstanceUID == pydicom.dcmread(tmp_path / "ct/0001.dcm").StudyInstanceUID
    )


def test_labels_of_the_regular_copy_go_back_onto_the_source_slices(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    regular = volume.grid.regular()
    data = np.zeros((1, *regular.shape), np.uint8)
    center = regular.to_voxel(volume.grid.to_patient((3, 8, 12))).round().astype(int)
    data[0, center[0] - 2 : center[0] + 3, center[1] - 4 : center[1] + 5, center[2] - 4 : center[2] + 5] = 1
    report = write_labels(LabelMap(data, regular, (Segment(1, "box"),)), tmp_path / "x.dcm", volume)
    back = read_labels(tmp_path / "x.dcm", volume)
    assert "nearest" in report.notes[0]
    assert back.grid.is_close(volume.grid)
    inside = np.argwhere(back.data[0])
    at = np.rint(regular.to_voxel(volume.grid.to_patient(inside))).astype(int)
    assert len(inside) > 50
    assert data[0][tuple(at.T)].all()


def test_labels_stay_put_where_both_grids_are_one(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    labels = overlapping(volume)
    assert np.array_equal(onto_slices(labels, volume.grid).data, labels.data)


def test_outlines_go_through_a_structure_set_without_a_changed_voxel(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    data = np.zeros((1, *volume.grid.shape), np.uint8)
    data[0, 1:6, 2:14, 3:20], data[0, 1:6, 5:11, 7:16], data[0, 1:6, 7:9, 10:13] = (
        1,
        0,
        1,
    )  # an island in a hole
    labels = LabelMap(data, volume.grid, (Segment(1, "ring"),), provenance=volume.known_provenance)
    traced = trace(labels)
    report = mv.write_contours(traced, tmp_path / "rs.dcm", volume)
    back = mv.read_contours(tmp_path / "rs.dcm")
    assert report.notes == ()
    filled = fill(back, volume.grid)
    found = filled[0] if isinstance(filled, tuple) else filled
    assert np.array_equal(found.mask("ring"), data[0] > 0)
    assert all(len(plane.regions) == 2 for plane in back.segments[0].planes)


@pytest.mark.parametrize("modality", ["CT", "MR_T1", "PET"])
def test_real_structure_sets_fill_to_the_masks_of_their_set(modality):
    folder = data_dir("sts_pet_ct_mr")
    outlines = mv.read_contours(folder / f"dicom/STS_002/{modality}/mask/RS.dcm")
    volume = mv.read(folder / f"dicom/STS_002/{modality}/image")
    truth = read_labels(folder / f"nifti/STS_002/{modality}_mask.nii.gz")
    filled = fill(outlines, volume.grid)
    mask = (filled[0] if isinstance(filled, tuple) else filled).mask(1)
    at = np.rint(truth.grid.to_voxel(volume.grid.to_patient(np.argwhere(mask)))).astype(int)
    ours = np.zeros(truth.grid.shape, bool)
    ours[tuple(at.T)] = True
    assert np.array_equal(ours, truth.mask(1))


def test_info_lists_segments_and_what_they_refer_to(tmp_path):
    volume = tilted_ct(tmp_path / "all" / "ct")
    write_labels(overlapping(volume), tmp_path / "all" / "seg.dcm", volume)
    run = CliRunner().invoke(app, ["info", str(tmp_path / "all")])
    assert "binary segmentation" in run.output
    assert "refers to 7 objects" in run.output
    assert "1 Skull (Skull, 89546000 SCT)" in run.output
    assert "missing-reference" not in run.output
    told = json.loads(CliRunner().invoke(app, ["info", str(tmp_path / "all"), "--json"]).output)
    objects = [o for study in told["studies"] for s in study["series"] for o in s["objects"]]
    assert objects[0]["references"] == 7
    alone = CliRunner().invoke(app, ["info", str(tmp_path / "all" / "seg.dcm")])
    assert "missing-reference" in alone.output


def test_images_that_are_no_labels_are_refused(tmp_path):
    tilted_ct(tmp_path / "ct")
    with pytest.raises(UsageError):
        read_labels(tmp_path / "ct")
