"""Whole series as vendors store them, built after their public descriptions."""

import numpy as np
import pytest

from dicom.series_data import codes, images, opened, ramp
from dicom.test_vendors import csa, mosaic
from medvox.core.study import Kind
from medvox.dicom.scan import read_header
from medvox.dicom.vendors import ge
from medvox.formats.inputs import InputFile
from medvox.testing import dicom_builder as build


def parts(values, **fixed):
    """One stack for each dict of attributes; voxels of the n-th begin at 1000·n."""
    slices = []
    for n, attributes in enumerate(values):
        slices += build.stack(ramp(offset=1000 * n), first_number=1 + 4 * n, **fixed, **attributes)
    return slices


def first_voxels(found):
    return [int(i.open().values().ravel()[0]) for i in images(found)]


def test_philips_magnitude_phase_and_real_of_one_series_are_three_volumes(tmp_path):
    kinds = [["ORIGINAL", "PRIMARY", kind, "X", "FFE"] for kind in ("M_FFE", "PHASE MAP", "R")]
    found = opened(tmp_path, parts([{"ImageType": k} for k in kinds], Manufacturer="Philips"))
    assert [dict(i.facts)["component"] for i in images(found)] == ["M", "P", "R"]
    assert first_voxels(found) == [0, 1000, 2000]


def test_philips_instance_numbers_that_repeat_do_not_matter(tmp_path):
    slices = []
    for t in range(3):
        for k, data in enumerate(
            build.stack(ramp(offset=1000 * t), Manufacturer="Philips", TemporalPositionIdentifier=t + 1)
        ):
            data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = build.uid(f"{t}/{k}")
            slices.append(data)
    (image,) = images(opened(tmp_path, slices))
    truth = np.stack([ramp(offset=1000 * t) for t in range(3)])
    assert np.array_equal(image.open().values(), truth)


def test_philips_in_stack_positions_that_lie_do_not_matter(tmp_path):
    """(0020,9057) is no place: Image Position (Patient) is."""
    content = [
        {"FrameContentSequence": build.dataset(StackID="1", InStackPositionNumber=n)} for n in (3, 1, 4, 2)
    ]
    data = build.enhanced(
        ramp().astype(np.uint16),
        [(0, 0, 3.0 * k) for k in range(4)],
        per_frame=content,
        Manufacturer="Philips",
    )
    (image,) = images(opened(tmp_path, [data]))
    assert np.array_equal(image.open().values(), ramp())


def test_philips_private_frames_do_not_shadow_public_attributes(tmp_path):
    """(2005,140F) repeats public attributes with other values."""
    data = build.enhanced(
        ramp().astype(np.uint16), [(0, 0, 3.0 * k) for k in range(4)], Manufacturer="Philips"
    )
    shadow = build.items(ImagePositionPatient=[9.0, 9.0, 9.0], RescaleSlope=99, RescaleIntercept=9, Rows=77)
    for group in data.PerFrameFunctionalGroupsSequence:
        group.private_block(0x2005, "Philips MR Imaging DD 005", create=True).add_new(0x0F, "SQ", shadow)
    (image,) = images(opened(tmp_path, [data]))
    assert np.array_equal(image.open().values(), ramp())
    assert np.allclose(image.grid.origins_mm[:, 2], (0, 3, 6, 9))


@pytest.mark.parametrize("enhanced", [False, True])
def test_real_world_mappings_are_named_and_values_stay(tmp_path, enhanced):
    mapping = {
        "RealWorldValueSlope": 2.5,
        "RealWorldValueIntercept": -3.0,
        "MeasurementUnitsCodeSequence": build.items(CodeValue="ms", CodingSchemeDesignator="UCUM"),
    }
    if enhanced:
        data = build.enhanced(ramp().astype(np.uint16), [(0, 0, 3.0 * k) for k in range(4)])
        data.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = build.items(**mapping)
        slices = [data]
    else:
        slices = build.stack(ramp(), RealWorldValueMappingSequence=build.items(**mapping))
    found = opened(tmp_path, slices)
    notes = [f for f in found.all_findings() if f.code == "real-world-value"]
    text = "Real-world value = 2.5 · stored + -3 ms; not applied, but there under the scaling 'real-world'"
    assert [n.text for n in notes] == [text]
    volume = images(found)[0].open()
    assert np.array_equal(volume.values(), ramp())
    world = volume.scaled("real-world")
    assert world.unit == "ms"
    assert np.allclose(world.values(), 2.5 * ramp() - 3)
    line = images(found)[0].acquisition().scalings.real_world.value
    assert (line.slope, line.intercept, line.unit) == (2.5, -3.0, "ms")


def test_philips_pet_in_counts_names_its_private_factors(tmp_path):
    slices = build.stack(ramp(), modality="PT", Manufacturer="Philips Medical Systems", Units="CNTS")
    for data in slices:
        block = data.private_block(0x7053, "Philips PET Private Group", create=True)
        block.add_new(0x00, "DS", "0.0005")
        block.add_new(0x09, "DS", "2.5")
    found = opened(tmp_path, slices)
    (note,) = [f for f in found.all_findings() if f.code == "private-scaling"]
    text = "Counts are shown; Bq/ml = 2.5 · counts, SUVbw = 0.0005 · counts: there under the scalings"
    assert note.text == f"{text} activity and suv"
    (image,) = images(found)
    assert image.unit == "counts"
    activity, suv = (image.open().scaled(name) for name in ("activity", "suv"))
    assert (activity.unit, suv.unit) == ("Bq/ml", "SUVbw")
    assert np.allclose(activity.values(), 2.5 * ramp())
    assert np.allclose(suv.values(), 0.0005 * ramp())
    scalings = image.acquisition().scalings
    assert scalings.activity.source.startswith("(7053,1009)")
    assert scalings.suv.source.startswith("(7053,1000)")


def test_philips_pet_factors_count_on_top_of_the_rescale(tmp_path):
    slices = build.stack(
        ramp(), modality="PT", Manufacturer="Philips", Units="CNTS", RescaleSlope=0.5, RescaleIntercept=1.0
    )
    for n, data in enumerate(slices):  # each slice has a slope of its own
        data.RescaleSlope = 0.5 * (n + 1)
        data.private_block(0x7053, "Philips PET Private Group", create=True).add_new(0x09, "DS", "2.0")
    (image,) = images(opened(tmp_path, slices))
    volume = image.open()
    assert list(volume.scalings) == ["activity"]
    assert np.allclose(volume.scaled("activity").values(), 2.0 * volume.values())


@pytest.mark.parametrize("enhanced", [False, True])
def test_real_world_mappings_that_are_no_one_line_are_named_only(tmp_path, enhanced):
    """Two mappings, for two ranges of stored values (PS3.3 C.7.6.16.2.11)."""
    both = build.DicomSequence(
        [build.dataset(RealWorldValueSlope=slope, RealWorldValueIntercept=0.0) for slope in (1.0, 2.0)]
    )
    if enhanced:
        data = build.enhanced(ramp().astype(np.uint16), [(0, 0, 3.0 * k) for k in range(4)])
        data.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = both
        slices = [data]
    else:
        slices = build.stack(ramp(), RealWorldValueMappingSequence=both)
    found = opened(tmp_path, slices)
    (note,) = [f for f in found.all_findings() if f.code == "real-world-value"]
    assert note.text == "2 real-world value mappings, not one line: none is applied"
    assert not images(found)[0].open().scalings


def test_siemens_echoes_and_phase_of_one_series_uid_are_three_volumes(tmp_path):
    kinds = [(4.9, 1, "M"), (7.4, 2, "M"), (7.4, 2, "P")]
    values = [
        {"EchoTime": te, "EchoNumbers": echo, "ImageType": ["ORIGINAL", "PRIMARY", kind, "ND"]}
        for te, echo, kind in kinds
    ]
    found = opened(tmp_path, parts(values, Manufacturer="SIEMENS"))
    assert first_voxels(found) == [0, 1000, 2000]


@pytest.mark.parametrize("creator", ["SIEMENS CSA HEADER", "AGFA PACS RENAMED IT"])
@pytest.mark.parametrize("behind", [False, True])
def test_siemens_mosaics_are_found_in_any_private_block(tmp_path, creator, behind):
    data = mosaic(["0", "0", "1"])
    raw = data[0x0029, 0x1010].value
    del data[0x0029, 0x0010], data[0x0029, 0x1010]
    if behind:
        data.private_block(0x0029, "SOMEBODY ELSE", create=True).add_new(0x10, "OB", b"no csa header here..")
    data.private_block(0x0029, creator, create=True).add_new(0x10, "OB", raw)
    (image,) = images(opened(tmp_path, [data]))
    assert image.shape == (5, 4, 6)


def test_siemens_b_values_come_from_the_csa_header_where_public_ones_lack(tmp_path):
    slices = parts([{}, {}], Manufacturer="SIEMENS")
    for n, data in enumerate(slices):
        raw = csa(
            B_value=["0" if n < 4 else "800"], DiffusionGradientDirection=["1", "0", "0"] if n > 3 else []
        )
        data.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", raw)
    (image,) = images(opened(tmp_path, slices))
    assert image.axes[0] == "diffusion"


@pytest.mark.parametrize(("kind", "word"), [(0, "M"), (1, "P"), (2, "R"), (3, "I")])
def test_ge_image_kinds(tmp_path, kind, word):
    data = build.instance(ramp(1)[0], Manufacturer="GE MEDICAL SYSTEMS")
    data.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x2F, "SS", kind)
    (path,) = build.save([data], tmp_path)
    assert ge.component(read_header(InputFile(path, path.name, path.stat().st_size))) == word


def test_ge_time_series_stored_as_one_stack_of_slices(tmp_path):
    """No attribute differs but Instance Number."""
    slices = parts([{}, {}, {}], Manufacturer="GE MEDICAL SYSTEMS", AcquisitionNumber=1)
    (image,) = images(opened(tmp_path, slices))
    assert image.axes == ("time", "k", "j", "i")
    assert image.open().values()[:, 0, 0, 0].tolist() == [0, 1000, 2000]


def test_ge_thumbnails_in_private_groups_are_stepped_over(tmp_path):
    slices = build.stack(ramp(), Manufacturer="GE MEDICAL SYSTEMS")
    for data in slices:
        icon = build.items(Rows=64, Columns=64, BitsAllocated=8)
        icon[0].add_new(0x7FE00010, "OB", b"\7" * 4096)
        data.private_block(0x0029, "GEIIS", create=True).add_new(0x10, "SQ", icon)
    (image,) = images(opened(tmp_path, slices))
    assert np.array_equal(image.open().values(), ramp())


def test_hitachi_signed_values_with_padding_and_public_b_values(tmp_path):
    values = ramp() - 40
    slices = []
    for n, b_value in enumerate((0.0, 900.0)):
        slices += build.stack(
            values + n,
            Manufacturer="Hitachi Medical Corporation",
            first_number=1 + 4 * n,
            DiffusionBValue=b_value,
            PixelPaddingValue=-40,
        )
    (image,) = images(opened(tmp_path, slices))
    assert image.axes[0] == "diffusion"
    assert np.array_equal(image.open().values(), np.stack([values, values + 1]))


@pytest.mark.parametrize(
    ("attributes", "inverted"),
    [
        ({"PhotometricInterpretation": "MONOCHROME1"}, True),
        ({"PresentationLUTShape": "INVERSE"}, True),
        ({"PhotometricInterpretation": "MONOCHROME2", "PresentationLUTShape": "IDENTITY"}, False),
    ],
)
def test_carestream_radiographs(tmp_path, attributes, inverted):
    """Twelve bits of sixteen, two windows, a padding range; inversion concerns the display alone."""
    values = (ramp(1)[0] * 30).astype(np.uint16)
    data = build.instance(
        values,
        modality="DX",
        Manufacturer="Carestream Health",
        BitsStored=12,
        HighBit=11,
        WindowCenter=[2048, 1000],
        WindowWidth=[4096, 500],
        WindowCenterWidthExplanation=["NORMAL", "HARD"],
        PixelPaddingValue=0,
        PixelPaddingRangeLimit=10,
        ImagerPixelSpacing=[0.168, 0.168],
        **attributes,
    )
    (image,) = images(opened(tmp_path, [data]))
    volume = image.open()
    assert np.array_equal(volume.values()[0], values)
    assert volume.display.inverted is inverted
    assert [(w.center, w.width, w.name) for w in volume.display.windows] == [
        (2048, 4096, "NORMAL"),
        (1000, 500, "HARD"),
    ]


def test_two_views_of_one_series_are_two_pictures(tmp_path):
    views = [
        build.instance(
            ramp(1, offset=n)[0],
            modality="MG",
            InstanceNumber=n + 1,
            ViewPosition=v,
            ImagerPixelSpacing=[0.1, 0.1],
        )
        for n, v in enumerate(("CC", "MLO"))
    ]
    found = opened(tmp_path, views)
    assert [i.kind for i in images(found)] == [Kind.PICTURE] * 2
    assert first_voxels(found) == [0, 1]


def test_objects_and_private_classes_in_a_folder_are_listed_and_never_fatal(tmp_path):
    private = build.instance(ramp(1)[0], series="private", SOPClassUID="1.3.12.2.1107.5.9.1")
    raw = build.instance(series="raw", modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.66")
    report = build.instance(series="report", modality="SR", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33")
    found = opened(tmp_path, build.stack(ramp(), series="image"), [private, raw, report])
    assert sorted(s.object_type or "" for s in found.series()) == ["", "", "RAW DATA", "SR"]
    assert len(images(found)) == 2
    assert "unreadable-file" not in codes(found)


def philips_direction(data, b_value, gradient):
    data.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(0x03, "FL", b_value)
    block = data.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    for element, part in zip((0xB0, 0xB1, 0xB2), gradient, strict=True):
        block.add_new(element, "FL", part)


def ge_direction(data, b_value, gradient):
    data.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [int(b_value), 8, 0, 0])
    block = data.private_block(0x0019, "GEMS_ACQU_01", create=True)
    for element, part in zip((0xBB, 0xBC, 0xBD), gradient, strict=True):
        block.add_new(element, "DS", str(part))


@pytest.mark.parametrize(
    ("maker", "put"), [("Philips", philips_direction), ("GE MEDICAL SYSTEMS", ge_direction)]
)
def test_directions_of_one_b_value_are_volumes_of_their_own(tmp_path, maker, put):
    settings = [(0.0, (0.0, 0.0, 0.0)), (1000.0, (1.0, 0.0, 0.0)), (1000.0, (0.0, 1.0, 0.0))]
    slices = parts([{}] * 3, Manufacturer=maker)
    for n, data in enumerate(slices):
        put(data, *settings[n // 4])
    (image,) = images(opened(tmp_path, slices))
    assert image.axes[0] == "diffusion"
    assert image.open().values()[:, 0, 0, 0].tolist() == [0, 1000, 2000]


def test_philips_numbers_tell_repeats_of_one_weighting_apart(tmp_path):
    """Two volumes with b = 0 and two of one direction: value and direction repeat, the numbers do not."""
    slices = parts([{"DiffusionBValue": b} for b in (0.0, 0.0, 900.0, 900.0)], Manufacturer="Philips")
    for n, data in enumerate(slices):
        data.InstanceNumber = 1 + n % 4  # they say nothing
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = build.uid(str(n))
        philips_direction(data, data.DiffusionBValue, (0.0, 0.0, float(data.DiffusionBValue > 0)))
        data.add_new(0x20050014, "LO", "Philips MR Imaging DD 005")  # the block that the vendor's files have
        data.add_new(0x20051412, "IS", 1 + n // 8)
        data.add_new(0x20051413, "IS", 1 + n // 4 % 2)
    (image,) = images(opened(tmp_path, slices))
    assert image.axes[0] == "diffusion"
    assert image.open().values()[:, 0, 0, 0].tolist() == [0, 1000, 2000, 3000]
    assert any("numbers of b-value" in f.text for f in image.findings)


def test_canon_volumes_without_a_gradient_have_no_b_value(tmp_path):
    """The public b-value is there only where a gradient was applied (dcm2niix, Canon/README.md)."""
    values = [{}, *({"DiffusionBValue": 800.0, "ImageComments": f"b=800({v})"} for v in ("1,0,0", "0,1,0"))]
    (image,) = images(opened(tmp_path, parts(values, Manufacturer="CANON_MEC")))
    assert image.axes[0] == "diffusion"
    assert image.open().values()[:, 0, 0, 0].tolist() == [0, 1000, 2000]
    assert image.acquisition().diffusion.b_values_s_mm2.value == (0.0, 800.0, 800.0)


def test_canon_images_without_diffusion_have_none(tmp_path):
    (image,) = images(opened(tmp_path, build.stack(ramp(), Manufacturer="CANON_MEC")))
    assert image.acquisition().diffusion is None


def test_siemens_xa_echoes_of_one_echo_time_are_told_apart_by_the_ice_dimensions(tmp_path):
    groups = [{"MREchoSequence": build.dataset(EffectiveEchoTime=4.9)} for _ in range(8)]
    data = build.enhanced(
        np.concatenate([ramp(), ramp(offset=1000)]).astype(np.uint16),
        [(0, 0, 3.0 * k) for k in (0, 1, 2, 3, 0, 1, 2, 3)],
        per_frame=groups,
        Manufacturer="SIEMENS",
    )
    for n, group in enumerate(data.PerFrameFunctionalGroupsSequence):
        item = build.dataset()
        item.add_new(0x00210011, "LO", "SIEMENS MR SDI 02")
        item.add_new(0x00211106, "LO", f"X_{1 + n // 4}_1_1_1_1_1_{n % 4}_1")
        group.add_new(0x00210011, "LO", "SIEMENS MR SDI 02")
        group.add_new(0x002111FE, "SQ", build.DicomSequence([item]))
    found = images(opened(tmp_path, [data]))
    assert [dict(i.facts) for i in found] == [{"echo_number": "1"}, {"echo_number": "2"}]
    assert [int(i.open().values()[0, 0, 0]) for i in found] == [0, 1000]
