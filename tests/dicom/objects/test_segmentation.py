"""Segmentations, beside highdicom, dcmqi, dciodvfy and pydicom."""

import subprocess
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from data import data_dir
from dicom.objects.objects_data import LESION, SKULL, faults, overlapping, tilted_ct
from medvox.core.affine import compose
from medvox.core.errors import (
    FormatError,
    GeometryError,
    MedvoxError,
    MissingError,
    TruncatedError,
    UnknownFormatError,
    UnsupportedError,
    UsageError,
)
from medvox.core.grid import Grid, Space
from medvox.core.labels import LabelMap, Segment
from medvox.dicom.objects.segmentation import (
    SegmentationKind,
    SegmentationOptions,
    read_segmentation,
    write_segmentation,
)
from medvox.dicom.objects.segmentation.bits import frame_rows, packed
from medvox.dicom.objects.segmentation.color import cielab, rgb
from medvox.workflows.open_folder import read


def highdicom_masks(path: Path, volume, segments: int) -> np.ndarray:
    """(segment, k, j, i) as highdicom reads them, by the source instances of the volume."""
    import highdicom as hd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = hd.seg.segread(path)
        uids = [s.sop_instance_uid for s in volume.known_provenance.sources]
        return found.get_pixels_by_source_instance(
            uids, segment_numbers=range(1, segments + 1), assert_missing_frames_are_empty=True
        ).transpose(3, 0, 1, 2)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("kind", ["binary", "fractional"])
def test_overlap_on_a_tilted_uneven_stack_comes_back_and_is_what_highdicom_reads(tmp_path, kind, keep):
    volume = tilted_ct(tmp_path / "ct")
    labels = overlapping(volume)
    path = tmp_path / "seg.dcm"
    options = SegmentationOptions(kind=kind, keep_empty_slices=keep)
    write_segmentation(labels, path, volume, options)
    theirs = highdicom_masks(path, volume, 2)
    back = read_segmentation(path, volume.grid)
    for number in (1, 2):
        assert np.array_equal(back.mask(number), labels.mask(number))
        assert np.array_equal(theirs[number - 1] > 0, labels.mask(number))
    assert faults(path) == []


def test_the_grid_comes_back_without_the_source_empty_slices_included(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    labels = overlapping(volume)
    write_segmentation(labels, tmp_path / "seg.dcm", volume)
    back = read_segmentation(tmp_path / "seg.dcm")
    assert back.grid.is_close(volume.grid)
    assert not back.grid.is_even
    assert back.grid.frame_of_reference == volume.grid.frame_of_reference
    assert np.array_equal(back.data, labels.data)
    assert "overlapping-segments" in {f.code for f in back.findings}


def test_segments_keep_names_codes_colors_algorithm_and_tracking(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    write_segmentation(overlapping(volume), tmp_path / "seg.dcm", volume)
    assert read_segmentation(tmp_path / "seg.dcm").segments == (SKULL, LESION)


def test_patient_study_equipment_and_every_frame_of_the_source_are_named(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    write_segmentation(overlapping(volume), tmp_path / "seg.dcm", volume)
    made = pydicom.dcmread(tmp_path / "seg.dcm")
    source = pydicom.dcmread(tmp_path / "ct" / "0001.dcm")
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "AccessionNumber", "FrameOfReferenceUID"):
        assert made[keyword].value == source[keyword].value, keyword
    assert made.SeriesInstanceUID != source.SeriesInstanceUID
    assert made.ContributingEquipmentSequence[0].Manufacturer == "Scanner & Co"
    named = {i.ReferencedSOPInstanceUID for i in made.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert named == {s.sop_instance_uid for s in volume.known_provenance.sources}
    for frame in made.PerFrameFunctionalGroupsSequence:
        image = frame.DerivationImageSequence[0].SourceImageSequence[0]
        file = next(
            f
            for f in (tmp_path / "ct").iterdir()
            if pydicom.dcmread(f).SOPInstanceUID == image.ReferencedSOPInstanceUID
        )
        assert np.allclose(
            frame.PlanePositionSequence[0].ImagePositionPatient, pydicom.dcmread(file).ImagePositionPatient
        )


def test_read_labels_name_the_source_instance_of_a_voxel(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    write_segmentation(overlapping(volume), tmp_path / "seg.dcm", volume)
    back = read_segmentation(tmp_path / "seg.dcm")
    for k in (0, 3, 6):
        assert back.provenance.source_at((k, 1, 1)).sop_instance_uid == (
            volume.source_of((k, 1, 1)).sop_instance_uid
        )


@pytest.mark.parametrize("most", [2, 300])
def test_label_maps_keep_their_numbers_and_open_in_highdicom(tmp_path, most):
    import highdicom as hd

    volume = tilted_ct(tmp_path / "ct")
    data = np.zeros((1, *volume.grid.shape), np.uint16)
    data[0, 1, 2:5, 3:9], data[0, 4, 7:9, :] = 1, most
    segments = (Segment(1, "one"), Segment(most, "other"))
    path = tmp_path / "seg.dcm"
    write_segmentation(
        LabelMap(data, volume.grid, segments), path, volume, SegmentationOptions(kind="labelmap")
    )
    back = read_segmentation(path)
    assert np.array_equal(back.data, data)
    assert [s.number for s in back.segments] == [1, most]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frames = hd.seg.segread(path).pixel_array
    assert np.array_equal(frames, data[0])


def test_fractions_come_back_within_half_a_step(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    rng = np.random.default_rng(5)
    data = rng.random((1, *volume.grid.shape)).astype(np.float32)
    labels = LabelMap(data, volume.grid, (Segment(1, "part"),), fractional=True)
    report = write_segmentation(labels, tmp_path / "seg.dcm", volume)
    back = read_segmentation(tmp_path / "seg.dcm")
    assert back.fractional
    assert np.abs(back.data - data).max() <= 0.5 / 255 + 1e-6
    assert "largest error" in report.losses[0]


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 11)).flatmap(
        lambda shape: arrays(np.uint8, (2, *shape), elements=st.integers(0, 3))
    )
)
def test_any_labels_of_any_size_come_back(tmp_path_factory, data):
    """Frames that do not end at a byte included (PS3.5 8.1.1)."""
    path = tmp_path_factory.mktemp("any") / "seg.dcm"
    grid = Grid(data.shape[1:], compose((2.0, 0.5, 0.7), np.eye(3)[:, ::-1], (1, 2, 3)))
    keys = [(layer, n) for layer in (0, 1) for n in (1, 2, 3)]
    segments = tuple(Segment(n, f"{layer}/{n}", layer) for layer, n in keys)
    labels = LabelMap(data, grid, segments)
    write_segmentation(labels, path)
    back = read_segmentation(path)
    assert back.grid.is_close(grid)
    for segment in segments:
        assert np.array_equal(back.mask(segment.name), labels.mask(segment.name))


@settings(max_examples=40, deadline=None)
@given(arrays(np.bool_, st.tuples(st.integers(1, 5), st.integers(1, 40))))
def test_bits_of_frames_without_padding_are_those_that_pydicom_unpacks(masks):
    data = np.frombuffer(b"".join(packed(masks, masks.shape[1])), np.uint8)
    whole = pydicom.pixels.utils.unpack_bits(data.tobytes())[: masks.size]
    assert np.array_equal(whole.reshape(masks.shape), masks)
    rows = np.unpackbits(frame_rows(data, len(masks), masks.shape[1]), axis=1, bitorder="little")
    assert np.array_equal(rows[:, : masks.shape[1]], masks)


@pytest.mark.parametrize("way", ["implicit", "big", "deflated", "undefined"])
def test_every_encoding_of_the_same_object_reads_alike(tmp_path, way):
    volume = tilted_ct(tmp_path / "ct")
    labels = overlapping(volume)
    write_segmentation(labels, tmp_path / "seg.dcm", volume)
    data = pydicom.dcmread(tmp_path / "seg.dcm")
    other = tmp_path / "other.dcm"
    if way == "undefined":
        for element in data.iterall():
            if element.VR == "SQ":
                element.is_undefined_length = True
                for item in element.value:
                    item.is_undefined_length_sequence_item = True
    else:
        syntax = {
            "implicit": pydicom.uid.ImplicitVRLittleEndian,
            "big": pydicom.uid.ExplicitVRBigEndian,
            "deflated": pydicom.uid.DeflatedExplicitVRLittleEndian,
        }[way]
        data.file_meta.TransferSyntaxUID = syntax
    assert sum(1 for _ in data.iterall()) > 100  # all sequences are decoded, to be encoded anew
    pydicom.dcmwrite(other, data, implicit_vr=way == "implicit", little_endian=way != "big")
    back = read_segmentation(other)
    assert np.array_equal(back.data, labels.data)
    assert back.segments == (SKULL, LESION)


def test_compressed_frames_of_label_maps_read_alike(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    labels = replace(overlapping(volume), data=overlapping(volume).data[:1], segments=(SKULL,))
    for compression in ("rle", "jpeg-ls", "jpeg-2000", "deflated"):
        path = tmp_path / f"{compression}.dcm"
        options = SegmentationOptions(kind="labelmap", compression=compression)
        write_segmentation(labels, path, volume, options)
        assert np.array_equal(read_segmentation(path).data, labels.data), compression


def test_slices_that_were_left_out_are_found_again_by_their_distance(tmp_path):
    data = np.zeros((1, 9, 8, 8), np.uint8)
    data[0, [1, 2, 6]] = 1
    grid = Grid((9, 8, 8), compose((2.0, 1.0, 1.0), np.eye(3)[:, ::-1], (0, 0, 0)))
    labels = LabelMap(data, grid, (Segment(1, "a"),))
    options = SegmentationOptions(keep_empty_slices=False)
    write_segmentation(labels, tmp_path / "seg.dcm", None, options)
    back = read_segmentation(tmp_path / "seg.dcm")
    assert np.array_equal(back.data[0], data[0, 1:7])
    assert back.grid.is_close(grid.crop((slice(1, 7), slice(None), slice(None))))
    assert [f.code for f in back.findings] == ["grid-from-frames"]
    assert np.array_equal(read_segmentation(tmp_path / "seg.dcm", grid).data, data)


def test_a_segment_without_frames_is_kept_and_told(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    labels = overlapping(volume)
    labels = replace(labels, data=labels.data * np.array([1, 0], np.uint8)[:, None, None, None])
    write_segmentation(labels, tmp_path / "seg.dcm", volume)
    back = read_segmentation(tmp_path / "seg.dcm")
    assert [s.name for s in back.segments] == ["Skull", "Läsion"]
    assert not back.mask("Läsion").any()
    assert "empty-segment" in {f.code for f in back.findings}


def test_empty_and_full_masks_are_written(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    for value in (0, 1):
        for keep in (True, False):
            data = np.full((1, *volume.grid.shape), value, np.uint8)
            options = SegmentationOptions(keep_empty_slices=keep)
            write_segmentation(LabelMap(data, volume.grid, (SKULL,)), tmp_path / "seg.dcm", volume, options)
            back = read_segmentation(tmp_path / "seg.dcm", volume.grid)
            assert (back.data == value).all()
            assert faults(tmp_path / "seg.dcm") == []


# -- refusals -----------------------------------------------------------------------------------------


def test_overlap_cannot_become_a_label_map_and_fractions_no_bits(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    with pytest.raises(UnsupportedError, match="overlap"):
        write_segmentation(
            overlapping(volume), tmp_path / "x.dcm", volume, SegmentationOptions(kind="labelmap")
        )
    part = LabelMap(np.full((1, *volume.grid.shape), 0.5), volume.grid, (SKULL,), fractional=True)
    with pytest.raises(UnsupportedError, match="fractions"):
        write_segmentation(part, tmp_path / "x.dcm", volume, SegmentationOptions(kind="binary"))
    with pytest.raises(UsageError, match="between 0 and 1"):
        write_segmentation(replace(part, data=part.data * np.nan), tmp_path / "x.dcm", volume)
    assert not (tmp_path / "x.dcm").exists()


def test_places_that_dicom_cannot_say_are_refused(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    data = np.ones((1, 2, 4, 4), np.uint8)
    with pytest.raises(UnsupportedError, match="no place"):
        write_segmentation(LabelMap(data, Grid.pixels((2, 4, 4)), (SKULL,)), tmp_path / "x.dcm")
    skewed = compose((1.0, 1.0, 1.0), np.eye(3)[:, ::-1], (0, 0, 0)).copy()
    skewed[0, 1] = 0.4
    with pytest.raises(UnsupportedError, match="right angle"):
        write_segmentation(LabelMap(data, Grid((2, 4, 4), skewed), (SKULL,)), tmp_path / "x.dcm")
    elsewhere = LabelMap(
        np.ones((1, *volume.grid.shape), np.uint8), replace(volume.grid, frame_of_reference="1.2.3"), (SKULL,)
    )
    with pytest.raises(GeometryError, match="frame of reference"):
        write_segmentation(elsewhere, tmp_path / "x.dcm", volume)


def test_wrong_options_are_named():
    with pytest.raises(UsageError, match="kind"):
        SegmentationOptions(kind="ternary")
    with pytest.raises(UsageError, match="code string"):
        SegmentationOptions(content_label="lower case")
    assert SegmentationOptions(kind="BINARY").kind is SegmentationKind.BINARY


def test_a_grid_without_place_can_be_declared_the_patients(tmp_path):
    data = np.ones((1, 2, 4, 4), np.uint8)
    labels = LabelMap(data, Grid.pixels((2, 4, 4)), (SKULL,))
    write_segmentation(labels, tmp_path / "x.dcm", None, SegmentationOptions(assume_patient_space=True))
    back = read_segmentation(tmp_path / "x.dcm")
    assert back.grid.space is Space.PATIENT
    assert np.array_equal(back.data, data)


def test_damaged_objects_end_in_clear_errors(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    path = tmp_path / "seg.dcm"
    write_segmentation(overlapping(volume), path, volume)
    good = path.read_bytes()
    with pytest.raises(MissingError):
        read_segmentation(tmp_path / "none.dcm")
    with pytest.raises(UnsupportedError, match="no DICOM segmentation"):
        read_segmentation(tmp_path / "ct" / "0001.dcm")
    (tmp_path / "text.dcm").write_text("no DICOM" * 50)
    with pytest.raises(UnknownFormatError):
        read_segmentation(tmp_path / "text.dcm")
    path.write_bytes(good[:-40])
    with pytest.raises(TruncatedError):
        read_segmentation(path)
    data = pydicom.dcmread(_put(path, good))
    data.NumberOfFrames = 3
    data.save_as(path)
    with pytest.raises(FormatError, match="number of frames"):
        read_segmentation(path)


def _put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_bytes_end_in_our_errors_or_labels(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "mutations"
    if not folder.exists():
        volume = tilted_ct(folder / "ct")
        write_segmentation(overlapping(volume), folder / "seg.dcm", volume)
    content = bytearray((folder / "seg.dcm").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(132, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = folder / "bad.dcm"
    path.write_bytes(content)
    try:
        found = read_segmentation(path)
    except MedvoxError:
        return
    assert found.data.shape[1:] == found.grid.shape


def test_frames_off_the_slices_of_the_image_are_refused(tmp_path):
    volume = tilted_ct(tmp_path / "ct")
    write_segmentation(overlapping(volume), tmp_path / "seg.dcm", volume)
    moved = replace(volume.grid, affine=volume.grid.affine, slice_origins_mm=volume.grid.origins_mm + 1.0)
    with pytest.raises(GeometryError, match="do not lie"):
        read_segmentation(tmp_path / "seg.dcm", moved)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_colors_come_back_exactly(color):
    assert rgb(cielab(color)) == color


def test_white_is_the_white_of_the_profile_connection_space():
    """L 100, a 0, b 0 (PS3.3 C.10.7.1.1)."""
    light, a, b = cielab((255, 255, 255))
    assert light == pytest.approx(65535, abs=20)
    assert [a, b] == pytest.approx([32896, 32896], abs=20)


# -- other vendors' objects ------------------------------------------------------------------------


def test_dcmqi_reads_what_we_write_to_the_same_voxels(tmp_path):
    """On an even stack: its output is NRRD, which has no place for uneven slices."""
    import SimpleITK as sitk  # noqa: N813

    from medvox.testing import dicom_builder as build

    build.save(build.stack(np.zeros((5, 12, 16), np.int16), modality="CT"), tmp_path / "ct")
    volume = read(tmp_path / "ct")
    labels = overlapping_even(volume)
    write_segmentation(labels, tmp_path / "seg.dcm", volume)
    out = tmp_path / "out"
    out.mkdir()
    tool = Path(__import__("sys").executable).with_name("segimage2itkimage")
    if not tool.exists():
        pytest.skip("dcmqi is not installed")
    done = subprocess.run(
        [str(tool), "--inputDICOM", str(tmp_path / "seg.dcm"), "--outputDirectory", str(out), "-t", "nrrd"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    for number in (1, 2):
        image = sitk.ReadImage(str(out / f"{number}.nrrd"))
        whole = sitk.Resample(
            image,
            [16, 12, 5],
            sitk.Transform(),
            sitk.sitkNearestNeighbor,
            list(volume.grid.origin_mm),
            [1.0, 1.0, 3.0],
        )
        assert np.array_equal(sitk.GetArrayFromImage(whole) > 0, labels.mask(number))


def overlapping_even(volume) -> LabelMap:
    data = np.zeros((2, *volume.grid.shape), np.uint8)
    data[0, :, 2:9, 3:10], data[1, 1:4, 5:11, 6:14] = 1, 2
    return LabelMap(data, volume.grid, (SKULL, LESION))


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("liver.dcm", "liver_seg.nrrd"),
        ("sparse-labelmap-ppv5.dcm", "sparse_labelmap_ppv5_seg.nrrd"),
        ("sparse-labelmap-noppv.dcm", "sparse_labelmap_noppv_seg.nrrd"),
    ],
)
def test_dcmqis_segmentations_are_the_nrrd_files_they_were_made_of(name, truth):
    folder = data_dir("dcmqi_seg_sr") / "segmentations"
    labels, volume = read_segmentation(folder / name), read(folder / truth)
    assert np.array_equal(
        labels.data[0] > 0, volume.values() == 1
    )  # dcmqi gives missing slices a padding value
    assert labels.grid.is_close(volume.grid, 1e-2)


def test_dcmqis_overlapping_segments_are_all_there():
    folder = data_dir("dcmqi_seg_sr") / "segmentations"
    labels = read_segmentation(folder / "partial_overlaps.dcm")
    truth = [read(folder / f"partial_overlaps-{n}.nrrd").values() for n in (1, 2, 3)]
    voxels = {int(n): int((t == n).sum()) for t in truth for n in np.unique(t) if n}
    assert {s.number: int(labels.mask(s.number).sum()) for s in labels.segments} == voxels
    for values in truth:
        for n in np.unique(values)[1:]:
            assert np.array_equal(labels.mask(int(n)), values == n)


def test_highdicoms_segmentations_hold_the_voxels_that_highdicom_reads():
    import highdicom as hd

    for path in sorted(data_dir("highdicom_test_files").glob("seg_image_ct*.dcm")):
        labels = read_segmentation(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stored = hd.seg.segread(path).pixel_array
        assert int((labels.data > 0).sum()) == int((stored > 0).sum()), path.name


def test_tiles_of_slides_make_the_same_picture_whatever_their_order():
    folder = data_dir("highdicom_test_files")
    sparse = read_segmentation(folder / "seg_image_sm_dots.dcm")
    full = read_segmentation(folder / "seg_image_sm_dots_tiled_full.dcm")
    labeled = read_segmentation(folder / "seg_image_sm_control_labelmap.dcm")
    bits = read_segmentation(folder / "seg_image_sm_control.dcm")
    assert sparse.data.shape == (1, 1, 50, 50)
    assert np.array_equal(sparse.data, full.data)
    assert np.array_equal(labeled.data, bits.data)


def test_real_tilted_head_reads_in_highdicom_voxel_by_voxel(tmp_path):
    volume = read(data_dir("ct_head_ge_tilt")).load()
    data = (volume.values() >= 300)[None].astype(np.uint8)
    path = tmp_path / "skull.seg.dcm"
    write_segmentation(LabelMap(data, volume.grid, (SKULL,), provenance=volume.known_provenance), path)
    assert np.array_equal(highdicom_masks(path, volume, 1)[0] > 0, data[0] > 0)
    assert faults(path) == []
