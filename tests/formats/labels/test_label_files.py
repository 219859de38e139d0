"""Label files beside SimpleITK, and tables written as other programs write them."""

import numpy as np
import pytest

from data import data_dir
from medvox.core.affine import compose
from medvox.core.errors import FormatError, UnsupportedError, UsageError
from medvox.core.grid import Grid
from medvox.core.labels import Code, LabelMap, Segment
from medvox.formats.labels import (
    find_table,
    read_color_table,
    read_seg_nrrd,
    write_color_table,
    write_seg_nrrd,
    write_snap_table,
)
from medvox.workflows.labels import read_labels, write_labels

SEGMENTS = (
    Segment(
        1, "Left kidney", 0, Code("123037004", "SCT", "Anatomical Structure"),
        Code("64033007", "SCT", "Kidney"), (10, 200, 30), Code("51440002", "SCT", "Both"),
    ),
    Segment(2, "Cyst", 1, None, None, (255, 0, 0)),
)  # fmt: skip


def labels(layers: int = 2) -> LabelMap:
    data = np.zeros((layers, 3, 5, 7), np.uint8)
    data[0, :, 1:4, 2:5] = 1
    data[layers - 1, 1, 2, 3:6] = 2
    grid = Grid((3, 5, 7), compose((3.0, 0.5, 0.75), np.eye(3)[:, ::-1], (1, -2, 3)))
    from dataclasses import replace

    return LabelMap(data, grid, tuple(replace(s, layer=min(s.layer, layers - 1)) for s in SEGMENTS))


@pytest.mark.parametrize("layers", [1, 2])
def test_seg_nrrd_keeps_layers_names_codes_and_colors(tmp_path, layers):
    made = labels(layers)
    write_seg_nrrd(made, tmp_path / "x.seg.nrrd")
    back = read_seg_nrrd(tmp_path / "x.seg.nrrd")
    assert np.array_equal(back.data, made.data)
    assert back.segments == made.segments
    assert back.grid.is_close(made.grid)


def test_simpleitk_reads_the_same_layers_and_pairs(tmp_path):
    import SimpleITK as sitk  # noqa: N813

    made = labels()
    write_seg_nrrd(made, tmp_path / "x.seg.nrrd")
    image = sitk.ReadImage(str(tmp_path / "x.seg.nrrd"))
    assert image.GetNumberOfComponentsPerPixel() == 2
    assert np.array_equal(sitk.GetArrayFromImage(image).transpose(3, 0, 1, 2), made.data)
    assert np.allclose(image.GetOrigin(), made.grid.origin_mm)
    assert image.GetMetaData("Segment0_Name") == "Left kidney"
    assert image.GetMetaData("Segment1_Layer") == "1"


def test_slicers_way_of_writing_terms_is_read(tmp_path):
    write_seg_nrrd(labels(1), tmp_path / "x.seg.nrrd")
    text, _, values = (tmp_path / "x.seg.nrrd").read_bytes().partition(b"\n\n")
    entry = (
        b"TerminologyEntry:List~SCT^49755003^Altered~SCT^4147007^Mass~^^~Anatomic~SCT^10200004^Liver~^^|x:y|"
    )
    lines = [b"Segment0_Tags:=" + entry if b"Segment0_Tags" in line else line for line in text.split(b"\n")]
    (tmp_path / "y.seg.nrrd").write_bytes(b"\n".join(lines) + b"\n\n" + values)
    first = read_seg_nrrd(tmp_path / "y.seg.nrrd").segments[0]
    assert (first.kind.meaning, first.category.value, first.region.meaning) == ("Mass", "49755003", "Liver")


def test_bad_seg_nrrd_is_refused(tmp_path):
    write_seg_nrrd(labels(1), tmp_path / "x.seg.nrrd")
    content = (tmp_path / "x.seg.nrrd").read_bytes()
    for old, new in (
        (b"Segment1_Layer:=0", b"Segment1_Layer:=9"),
        (b"Segment0_LabelValue:=1", b"Segment0_LabelValue:=one"),
    ):
        (tmp_path / "y.seg.nrrd").write_bytes(content.replace(old, new))
        with pytest.raises(FormatError):
            read_seg_nrrd(tmp_path / "y.seg.nrrd")
    part = LabelMap(np.full((1, 3, 5, 7), 0.5), labels().grid, (SEGMENTS[0],), fractional=True)
    with pytest.raises(UnsupportedError):
        write_seg_nrrd(part, tmp_path / "z.seg.nrrd")


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha", ".seg.nrrd"])
def test_labels_in_image_files_keep_names_and_colors(tmp_path, suffix):
    made = labels(1)
    report = write_labels(made, tmp_path / f"x{suffix}")
    back = read_labels(tmp_path / f"x{suffix}")
    assert np.array_equal(back.data, made.data)
    assert back.grid.is_close(made.grid)
    assert [(s.number, s.name, s.color) for s in back.segments] == [
        (s.number, s.name, s.color) for s in made.segments
    ]
    assert all(file.exists() for file in report.files)


def test_tables_of_slicer_freesurfer_and_itk_snap_are_read(tmp_path):
    (tmp_path / "slicer.ctbl").write_text(
        "# Color table file x\n# 3 values\n0 Background 0 0 0 0\n1 bone_1 200 180 90 255\n"
    )
    (tmp_path / "lut.txt").write_text("#No. Label\n\n17  Left-Hippocampus   220 216 20  0\n")
    (tmp_path / "snap.label").write_text(
        '################\n    0     0    0    0        0  0  0    "Clear Label"\n'
        '    3   255   10    0        1  1  1    "Right lobe"\n'
    )
    assert read_color_table(tmp_path / "slicer.ctbl") == (Segment(1, "bone 1", color=(200, 180, 90)),)
    assert read_color_table(tmp_path / "lut.txt") == (Segment(17, "Left-Hippocampus", color=(220, 216, 20)),)
    assert read_color_table(tmp_path / "snap.label") == (Segment(3, "Right lobe", color=(255, 10, 0)),)


def test_tables_come_back_and_those_of_itk_snap_keep_blanks(tmp_path):
    segments = (Segment(1, 'a "b" c', color=(1, 2, 3)), Segment(9, "under_score", color=(255, 0, 7)))
    write_snap_table(segments, tmp_path / "x.label")
    assert [s.name for s in read_color_table(tmp_path / "x.label")] == ["a 'b' c", "under_score"]
    write_color_table(segments[1:], tmp_path / "x.ctbl")
    assert read_color_table(tmp_path / "x.ctbl")[0].color == (255, 0, 7)
    assert find_table(tmp_path / "x.nii.gz") == tmp_path / "x.ctbl"
    assert find_table(tmp_path / "y.nii.gz") is None


@pytest.mark.parametrize(
    "text", ["", "1 a 1 2 3 255\n1 b 1 2 3 255\n", "one a 1 2 3 255\n", "1 a 999 2 3 255\n"]
)
def test_bad_tables_are_refused(tmp_path, text):
    (tmp_path / "x.ctbl").write_text(text)
    with pytest.raises(FormatError):
        read_color_table(tmp_path / "x.ctbl")


def test_segments_of_one_number_make_no_table(tmp_path):
    with pytest.raises(UsageError):
        write_color_table((Segment(1, "a"), Segment(1, "b", 1)), tmp_path / "x.ctbl")


def test_dcmqis_nrrd_labels_are_read():
    found = read_labels(data_dir("dcmqi_seg_sr") / "segmentations" / "liver_seg.nrrd")
    assert len(found.segments) == 1
    assert found.mask(found.segments[0].number).any()
