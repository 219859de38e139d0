"""Splitting of series and the proof of a fourth axis, on series whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom.series_data import codes, images, opened, ramp
from medvox.core.errors import AmbiguityError
from medvox.core.study import Kind
from medvox.testing import dicom_builder as build


def volumes(count, **per_volume):
    """Instances of `count` volumes; each keyword gives a function of the volume number."""
    found = []
    for t in range(count):
        tags = {keyword: value(t) for keyword, value in per_volume.items()}
        found += build.stack(ramp(offset=1000 * t), first_number=1 + 4 * t, **tags)
    return found


def test_slices_are_sorted_by_position_not_by_number_or_name(tmp_path):
    slices = build.stack(ramp(), origin_mm=(3, 2, 10))
    found = opened(tmp_path, [slices[n] for n in (2, 0, 3, 1)])
    volume = images(found)[0].open()
    assert np.array_equal(volume.values(), ramp())
    assert np.allclose(volume.grid.origin_mm, (3, 2, 10))
    assert volume.grid.spacing_mm == pytest.approx((3, 1, 1))


def test_instance_numbers_that_run_against_the_positions_do_not_matter(tmp_path):
    slices = build.stack(ramp(), positions_mm=[(0, 0, -3 * k) for k in range(4)])
    volume = images(opened(tmp_path, slices))[0].open()
    assert np.array_equal(volume.values(), ramp()[::-1])
    assert volume.grid.origin_mm[2] == -9


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("TemporalPositionIdentifier", lambda t: t + 1),
        ("AcquisitionNumber", lambda t: 7 - t),
        ("AcquisitionTime", lambda t: f"10000{t}.5"),
        ("TriggerTime", lambda t: 40.0 * t),
    ],
)
def test_one_attribute_that_covers_every_position_once_is_a_fourth_axis(tmp_path, keyword, value):
    (image,) = images(opened(tmp_path, volumes(3, **{keyword: value})))
    assert image.axes == ("time", "k", "j", "i")
    assert image.shape == (3, 4, 5, 6)
    order = [2, 1, 0] if keyword == "AcquisitionNumber" else [0, 1, 2]
    truth = np.stack([ramp(offset=1000 * t) for t in order])
    assert np.array_equal(image.open().values(), truth)
    assert any("covers the 4 positions exactly once" in f.text for f in image.findings)


def test_runs_of_instance_numbers_prove_time_where_nothing_else_differs(tmp_path):
    (image,) = images(opened(tmp_path, volumes(3)))
    assert image.shape == (3, 4, 5, 6)
    assert any("runs of 4 Instance Numbers" in f.text for f in image.findings)


def test_position_after_position_is_understood(tmp_path):
    slices = volumes(3)
    for t in range(3):
        for k in range(4):
            slices[4 * t + k].InstanceNumber = 1 + 3 * k + t
    (image,) = images(opened(tmp_path, slices))
    assert np.array_equal(image.open().values()[:, 0, 0, 0], (0, 1000, 2000))


def test_an_aborted_last_time_point_is_kept_apart_and_told(tmp_path):
    found = opened(tmp_path, volumes(3, TemporalPositionIdentifier=lambda t: t + 1)[:-2])
    whole, rest = images(found)
    assert whole.shape == (2, 4, 5, 6)
    assert rest.shape == (2, 5, 6)
    assert "incomplete-time-point" in codes(found)
    assert sum(len(i.instances) for i in (whole, rest)) == 10


def test_unexplained_repeats_are_refused_with_choices_and_can_still_be_looked_at(tmp_path):
    slices = volumes(2)
    for n, data in enumerate(slices):
        data.InstanceNumber = [1, 2, 3, 4, 1, 2, 3, 4][n]
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = build.uid(f"repeat{n}")
    found = opened(tmp_path, slices)
    (image,) = images(found)
    assert image.kind is Kind.STACK
    assert len(image.instances) == 8
    assert "ambiguous-4d" in codes(found)
    assert image.open().values().shape == (8, 5, 6)
    with pytest.raises(AmbiguityError, match="repeat"):
        image.volume()
    with pytest.raises(AmbiguityError, match="repeat"):
        found.volume()


def test_echoes_and_phase_are_images_of_their_own(tmp_path):
    slices = []
    for n, (echo, kind) in enumerate([(4.9, "M"), (4.9, "P"), (9.8, "M"), (9.8, "P")]):
        slices += build.stack(
            ramp(offset=1000 * n),
            EchoTime=echo,
            ImageType=["ORIGINAL", "PRIMARY", kind],
            first_number=1 + 4 * n,
        )
    found = images(opened(tmp_path, slices))
    assert {dict(i.facts)["component"] + dict(i.facts)["echo_time_ms"] for i in found} == {
        "M4.9",
        "M9.8",
        "P4.9",
        "P9.8",
    }
    assert {int(i.open().values()[0, 0, 0]) for i in found} == {0, 1000, 2000, 3000}


def test_b_values_make_a_diffusion_axis_in_the_order_of_acquisition(tmp_path):
    slices = []
    for t, (b, g) in enumerate([(0, (0, 0, 0)), (1000, (1, 0, 0)), (1000, (0, 1, 0)), (500, (0, 0, 1))]):
        part = build.stack(ramp(offset=1000 * t), first_number=1 + 4 * t, DiffusionBValue=float(b))
        for data in part:
            data.DiffusionGradientOrientation = [float(x) for x in g]
        slices += part
    (image,) = images(opened(tmp_path, slices))
    assert image.axes[0] == "diffusion"
    assert np.array_equal(image.open().values()[:, 0, 0, 0], (0, 1000, 2000, 3000))


def test_localizers_are_split_by_orientation(tmp_path):
    planes = [(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (1, 0, 0, 0, 0, -1)]
    slices = [
        d
        for n, p in enumerate(planes)
        for d in build.stack(ramp(3, offset=1000 * n), orientation=p, first_number=1 + 3 * n)
    ]
    found = opened(tmp_path, slices)
    assert sorted(i.grid.letters for i in images(found)) == ["PIL", "RIP", "SPL"]
    assert "mixed-orientation" in codes(found)
    assert sorted(i.label for i in images(found)) == [
        f"series, {w}" for w in ("axial", "coronal", "sagittal")
    ]


def test_the_same_instance_twice_is_used_once_and_a_conflict_is_told(tmp_path):
    slices = build.stack(ramp())
    other = build.stack(ramp(offset=5))[1]
    found = opened(tmp_path, slices, [slices[2]], [other])
    (image,) = images(found)
    assert image.shape == (4, 5, 6)
    assert {"duplicate-instance", "conflicting-instance"} <= codes(found)
    assert np.array_equal(image.open().values(), ramp())


def test_two_patients_with_one_series_uid_are_never_mixed(tmp_path):
    first = build.stack(ramp(), PatientID="A")
    second = build.stack(ramp(offset=500), PatientID="B", first_number=11)
    found = opened(tmp_path, first, second)
    assert [i.shape for i in images(found)] == [(4, 5, 6)] * 2
    assert {d for i in images(found) for d in {int(i.open().values()[0, 0, 0])}} == {0, 500}


def test_secondary_captures_without_a_place_are_pictures(tmp_path):
    captures = [build.instance(ramp(1)[0], modality="OT", InstanceNumber=n + 1) for n in range(3)]
    found = images(opened(tmp_path, captures))
    assert [i.kind for i in found] == [Kind.PICTURE] * 3
    assert {str(i.grid.space) for i in found} == {"unknown"}


def test_enhanced_frames_become_a_volume_over_time(tmp_path):
    pixels = np.concatenate([ramp(), ramp(offset=1000)]).astype(np.uint16)
    places = [(0, 0, 3.0 * k) for k in range(4)] * 2
    frames = [{"FrameContentSequence": build.dataset(TemporalPositionIndex=1 + n // 4)} for n in range(8)]
    (image,) = images(opened(tmp_path, [build.enhanced(pixels, places, per_frame=frames)]))
    assert image.shape == (2, 4, 5, 6)
    volume = image.open()
    assert np.array_equal(volume.values()[1], ramp(offset=1000))
    source = volume.source_of((2, 0, 0), (1,))
    assert source is not None
    assert source.frame == 7


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(12)))
def test_no_order_of_files_changes_the_volume(tmp_path_factory, order):
    slices = volumes(3, TemporalPositionIdentifier=lambda t: t + 1)
    found = opened(tmp_path_factory.mktemp("order"), [slices[n] for n in order])
    truth = np.stack([ramp(offset=1000 * t) for t in range(3)])
    assert np.array_equal(images(found)[0].open().values(), truth)


def test_an_acquisition_over_midnight_keeps_its_order(tmp_path):
    times = ("235950", "235955", "000000", "000005")
    (image,) = images(opened(tmp_path, volumes(4, AcquisitionTime=lambda t: times[t])))
    volume = image.open()
    assert volume.values()[:, 0, 0, 0].tolist() == [0, 1000, 2000, 3000]
    assert volume.coordinates["time"] == (0, 5, 10, 15)


def test_acquisition_dates_order_what_takes_days(tmp_path):
    slices = volumes(
        3,
        AcquisitionDate=lambda t: f"2026010{1 + t}",
        AcquisitionTime=lambda t: ("200000", "100000", "090000")[t],
    )
    (image,) = images(opened(tmp_path, slices))
    assert image.open().values()[:, 0, 0, 0].tolist() == [0, 1000, 2000]
    assert image.open().coordinates["time"] == (0, 14 * 3600, 37 * 3600)


def test_runs_of_numbers_never_mix_what_an_attribute_tells_apart(tmp_path):
    """The first volume lacks a slice: cutting by number would shift all that follow."""
    found = opened(tmp_path, volumes(3, AcquisitionNumber=lambda t: t + 1)[1:])
    (image,) = images(found)
    assert "ambiguous-4d" in codes(found)
    assert image.choices
    assert image.kind is Kind.STACK


def test_ten_thousand_slices_side_by_side_are_sorted_in_seconds():
    from time import perf_counter

    from medvox.dicom.planes import positions
    from medvox.dicom.slices import Facts, Slice

    slices = [
        Slice(None, 0, 4, 4, (0.5 * n, 0.0, 0.0), (1, 0, 0, 0, 1, 0), (1, 1), 1.0, lambda _: Facts())
        for n in range(10_000)
    ]
    start = perf_counter()
    numbers = positions(slices)
    assert perf_counter() - start < 10  # compared one with another they took minutes
    assert sorted(numbers.tolist()) == list(range(10_000))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-0.02, 0.02), min_size=12, max_size=12), st.floats(-1e3, 1e3))
def test_positions_that_differ_by_rounding_are_one(noise, origin):
    from medvox.dicom.planes import positions
    from medvox.dicom.slices import Facts, Slice

    slices = [
        Slice(
            None, 0, 4, 4, (origin, 0.0, origin + 3.0 * (n % 4) + noise[n]), (1, 0, 0, 0, 1, 0), (1, 1), 1.0,
            lambda _: Facts(),
        )
        for n in range(12)
    ]  # fmt: skip
    assert positions(slices).tolist() == [n % 4 for n in range(12)]


def test_frames_without_functional_groups_are_not_lost(tmp_path):
    pixels = ramp().astype(np.uint16)
    found = opened(tmp_path, [build.enhanced(pixels, [(0, 0, 0), (0, 0, 3)])])
    assert sum(np.prod(i.shape) for i in images(found)) == pixels.size
    assert "no-geometry" in codes(found)


@pytest.mark.parametrize("groups", [0, 6])
def test_functional_groups_for_no_frame_or_too_many_are_told(tmp_path, groups):
    data = build.enhanced(ramp().astype(np.uint16), [(0, 0, 3.0 * k) for k in range(groups)])
    found = opened(tmp_path, [data])
    assert sum(len(i.open().values().reshape(-1, 5, 6)) for i in images(found)) == 4
    assert "no-geometry" in codes(found)


@pytest.mark.parametrize(
    ("sequence", "attribute", "values", "fact"),
    [
        ("CTXRayDetailsSequence", "KVP", (80.0, 140.0), "kvp"),
        ("CTReconstructionSequence", "ConvolutionKernel", ("B30f", "B70f"), "kernel"),
        ("MRTimingAndRelatedParametersSequence", "FlipAngle", (5.0, 20.0), "flip_angle_deg"),
        ("MREchoSequence", "EffectiveEchoTime", (4.9, 9.8), "echo_time_ms"),
    ],
)
def test_enhanced_frames_are_split_by_their_own_settings(tmp_path, sequence, attribute, values, fact):
    pixels = np.concatenate([ramp(), ramp(offset=1000)]).astype(np.uint16)
    places = [(0, 0, 3.0 * k) for k in range(4)] * 2
    frames = [{sequence: build.dataset(**{attribute: values[n // 4]})} for n in range(8)]
    found = images(opened(tmp_path, [build.enhanced(pixels, places, per_frame=frames)]))
    assert [dict(i.facts)[fact] for i in found] == [f"{v:g}" if isinstance(v, float) else v for v in values]
    assert [int(i.open().values()[0, 0, 0]) for i in found] == [0, 1000]


def test_enhanced_stacks_of_two_orientations_and_rescales_are_two_volumes(tmp_path):
    pixels = np.concatenate([ramp(), ramp(offset=1000)]).astype(np.uint16)
    places = [(0, 0, 3.0 * k) for k in range(4)] + [(3.0 * k, 0, 0) for k in range(4)]
    planes = ([1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, 1])
    frames = [
        {
            "FrameContentSequence": build.dataset(StackID=str(1 + n // 4), InStackPositionNumber=1 + n % 4),
            "PlaneOrientationSequence": build.dataset(ImageOrientationPatient=planes[n // 4]),
            "PixelValueTransformationSequence": build.dataset(
                RescaleSlope=str(1 + n), RescaleIntercept="-5", RescaleType="US"
            ),
        }
        for n in range(8)
    ]
    first, second = images(opened(tmp_path, [build.enhanced(pixels, places, per_frame=frames)]))
    slopes = np.arange(1, 9).reshape(2, 4, 1, 1)
    assert np.array_equal(first.open().values(), ramp() * slopes[0] - 5)
    assert np.array_equal(second.open().values(), ramp(offset=1000) * slopes[1] - 5)
    assert np.allclose(second.grid.origins_mm, places[4:])


def test_each_slice_keeps_its_own_modality_table(tmp_path):
    slices = build.stack(np.zeros((2, 3, 3), np.uint8), modality="OT")
    for n, data in enumerate(slices):
        item = build.dataset(ModalityLUTType="US")
        item.add_new(0x00283002, "US", [2, 0, 16])
        item.add_new(0x00283006, "US", [100 * n + 7, 9])
        data.ModalityLUTSequence = build.DicomSequence([item])
    found = images(opened(tmp_path, slices))
    assert sorted(int(i.open().values()[0, 0, 0]) for i in found) == [7, 107]
