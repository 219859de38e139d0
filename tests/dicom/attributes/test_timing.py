"""MR timing and phase encoding by vendor: against nibabel on real headers, and on built ones."""

import gzip
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from data import data_dir
from dicom.series_data import images, opened, ramp
from dicom.test_vendors import csa
from medvox.dicom.elements.facts import Elements
from medvox.dicom.vendors import ge_timing, siemens, siemens_timing
from medvox.testing import dicom_builder as build
from medvox.workflows.open_folder import scan


def nibabel_csa(raw):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nibabel.nicom import csareader

        return csareader.read(raw)["tags"]


SIEMENS = ("dcm_qa_nih/In/20180918Si", "dcm_qa_siemens_orientation/In")


@pytest.mark.parametrize("folder", SIEMENS)
def test_csa_headers_are_nibabels(folder):
    name, _, rest = folder.partition("/")
    compared = 0
    for image in scan(data_dir(name) / rest).images():
        if not image.instances or image.modality != "MR":
            continue
        data = dcmread(image.instances[0].file, stop_before_pixels=True)
        for element in (0x1010, 0x1020):
            raw = data[0x0029, element].value
            ours, theirs = siemens.read_csa(raw), nibabel_csa(raw)
            assert ours.keys() == theirs.keys()
            for key, values in ours.items():
                known = [v for v in theirs[key]["items"] if v not in (b"", "")]
                if key == "MrPhoenixProtocol" or not known or isinstance(known[0], bytes | str):
                    continue
                assert [float(v) for v in values] == pytest.approx([float(v) for v in known]), key
                compared += 1
    assert compared > 50


def without_magic(**elements):
    """A CSA1 header: no SV10, and the length of an item in the first of its four words."""
    out = struct.pack("<2I", len(elements), 77)
    for name, values in elements.items():
        out += struct.pack("<64si4sii", name.encode(), len(values), b"FD", 3, len(values)) + struct.pack(
            "<i", 77
        )
        for value in values:
            raw = value.encode() + b"\0"
            out += struct.pack("<4i", len(raw), 0, 77, 0) + raw + b"\0" * (-len(raw) % 4)
    return out


@pytest.mark.parametrize("make", [csa, without_magic])
def test_both_versions_of_csa_headers_are_read(make):
    raw = make(SliceNormalVector=["0.0", "0.6", "0.8"], Empty=[], B_value=["1000"])
    expected = {"SliceNormalVector": ("0.0", "0.6", "0.8"), "Empty": (), "B_value": ("1000",)}
    assert siemens.read_csa(raw) == expected


def test_the_protocol_is_that_of_nibabels_parser():
    from nibabel.nicom.ascconv import parse_ascconv

    folder = data_dir("dcm_qa_nih") / "In" / "20180918Si"
    (image, *_) = scan(folder).images()
    data = dcmread(image.instances[0].file, stop_before_pixels=True)
    raw = siemens.read_csa(data[0x0029, 0x1020].value)["MrPhoenixProtocol"][0]
    text = raw[raw.index("### ASCCONV BEGIN") : raw.index("### ASCCONV END ###") + 20]
    text = "\n".join(line for line in text.splitlines() if "__attribute__" not in line)  # it stumbles there
    theirs, _ = parse_ascconv(text, str_delim='""')
    ours = siemens_timing.protocol(raw)
    assert len(ours) > 500
    assert int(ours["sKSpace.lBaseResolution"]) == theirs["sKSpace"]["lBaseResolution"] == 72
    assert int(ours["alTE[3]"]) == theirs["alTE"][3]
    assert float(ours["alTR[0]"]) == theirs["alTR"][0] == 2435370


# -- Siemens ------------------------------------------------------------------------------------


def protocol(*lines):
    return "\n".join(("<XProtocol>", "### ASCCONV BEGIN ###", *lines, "### ASCCONV END ###"))


def siemens_slice(creator="SIEMENS CSA HEADER", **changes):
    data = build.stack(
        ramp(1, rows=64, columns=64),
        Manufacturer="SIEMENS",
        RepetitionTime=3000.0,
        EchoTime=30.0,
        FlipAngle=76,
        MagneticFieldStrength=3,
        InPlanePhaseEncodingDirection="ROW",
        AcquisitionMatrix=[0, 64, 48, 0],
        **changes,
    )[0]
    block = data.private_block(0x0029, creator, create=True)
    block.add_new(
        0x10,
        "OB",
        csa(
            PhaseEncodingDirectionPositive=["0"],
            BandwidthPerPixelPhaseEncode=["20.0"],
            RealDwellTime=["3700"],
        ),
    )
    lines = (
        "sPat.lAccelFactPE = 2",
        "sSliceAcceleration.lMultiBandFactor = 4",
        "sKSpace.ucPhasePartialFourier = 0x4",
        "lDelayTimeInTR = 500000",
    )
    block.add_new(0x20, "OB", csa(MrPhoenixProtocol=[protocol(*lines)]))
    return data


@pytest.mark.parametrize("creator", ["SIEMENS CSA HEADER", "AGFA RENAMED IT"])
def test_siemens_timing_and_phase_encoding(tmp_path, creator):
    (image,) = images(opened(tmp_path, [siemens_slice(creator)]))
    found = image.acquisition()
    mr, phase = found.mr, found.phase_encoding
    assert (mr.field_strength_t.value, mr.flip_angle_deg.value) == (3, 76)
    assert (mr.repetition_time_ms.value, mr.echo_time_ms.value) == (3000, 30)
    assert mr.inversion_time_ms is None
    assert mr.dwell_time_s.value == pytest.approx(3.7e-6)
    assert mr.partial_fourier.value == 0.75
    assert mr.volume_delay_s.value == pytest.approx(0.5)
    assert (phase.axis.value, phase.polarity.value, phase.steps.value) == ("i", -1, 48)
    assert phase.effective_echo_spacing_s.value == pytest.approx(1 / (20 * 64))
    assert phase.echo_spacing_s.value == pytest.approx(2 / (20 * 64))
    assert phase.total_readout_time_s.value == pytest.approx(63 / (20 * 64))
    assert phase.multiband_factor.value == 4
    assert mr.echo_time_ms.source == "(0018,0081) EchoTime"
    assert phase.polarity.source == "(0029,1010) CSA PhaseEncodingDirectionPositive"


def test_the_first_mosaics_times_give_way_to_the_seconds_where_they_take_another_time(tmp_path):
    """rordenlab/dcm2niix, issue 870."""
    from workflows.test_sidecar import mosaic

    second = mosaic()
    raw = csa(
        NumberOfImagesInMosaic=["5"],
        SliceNormalVector=["0", "0", "1"],
        MosaicRefAcqTimes=["0", "600", "200", "800", "400"],
    )
    second[0x0029, 0x1010].value = raw
    second.AcquisitionNumber, second.InstanceNumber = 2, 2
    second.SOPInstanceUID = second.file_meta.MediaStorageSOPInstanceUID = build.uid("second")
    first = mosaic()
    first.AcquisitionNumber = 1
    (image,) = images(opened(tmp_path, [first, second]))
    assert image.acquisition().slice_timing.times_s.value == (0.0, 0.6, 0.2, 0.8, 0.4)


def test_private_elements_are_found_in_whichever_block_their_creator_has(tmp_path):
    data = siemens_slice()
    data.private_block(0x0019, "SOMEBODY", create=True).add_new(0x28, "FD", 99.0)
    data.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x28, "FD", 25.0)
    (image,) = images(opened(tmp_path, [data]))
    found = image.acquisition().phase_encoding.bandwidth_per_pixel_hz
    assert (found.value, found.source) == (25.0, "(0019,1128) BandwidthPerPixelPhaseEncode")


# -- GE -----------------------------------------------------------------------------------------


def block(**words):
    text = "\n".join(f'{name} "{value}"' for name, value in words.items())
    raw = gzip.compress(text.encode())
    return struct.pack("<I", len(raw)) + raw


def ge_series(volumes=2, count=4, **put):
    """A time series; `put` has functions of (volume, slice) for elements by keyword or tag."""
    instances = []
    for t in range(volumes):
        for k, data in enumerate(
            build.stack(
                ramp(count, offset=1000 * t),
                Manufacturer="GE MEDICAL SYSTEMS",
                first_number=1 + count * t,
                TemporalPositionIdentifier=t + 1,
                RepetitionTime=2000.0,
                MRAcquisitionType="2D",
                InPlanePhaseEncodingDirection="COL",
                AcquisitionMatrix=[128, 0, 0, 128],
                ScanOptions=["EPI_GEMS", "PFF"],
            )
        ):
            for name, value in put.items():
                setattr(data, name, value(t, k)) if not name.startswith("_") else value(data, t, k)
            instances.append(data)
    return instances


def test_ge_trigger_times_of_the_second_volume_are_slice_times(tmp_path):
    """GE/README.md: those of the first are wrong in some software."""
    wrong = lambda t, k: 1.0 * k if t == 0 else 2000.0 + (0, 1000, 500, 1500)[k]  # noqa: E731
    (image,) = images(opened(tmp_path, ge_series(TriggerTime=wrong)))
    found = image.acquisition().slice_timing.times_s
    assert found.value == (0.0, 1.0, 0.5, 1.5)
    assert found.source == "(0018,1060) TriggerTime"


@pytest.mark.parametrize("unit", [1.0, 1e-4])
def test_ge_rtia_timers_count_in_seconds_or_tenths_of_milliseconds(tmp_path, unit):
    def put(data, t, k):
        value = (2.0 * t + 0.5 * k) / unit
        data.private_block(0x0021, "GEMS_RELA_01", create=True).add_new(0x5E, "DS", f"{value:g}")

    (image,) = images(opened(tmp_path, ge_series(_timer=put)))
    found = image.acquisition().slice_timing.times_s
    assert found.value == pytest.approx((0.0, 0.5, 1.0, 1.5))
    assert found.source == "(0021,105E) RTIA timer"


@pytest.mark.parametrize(
    ("order", "times"), [("0", (0, 0.5, 1.0, 1.5)), ("1", (0, 1.0, 0.5, 1.5)), ("7", None)]
)
def test_ge_slice_order_of_the_protocol(tmp_path, order, times):
    def put(data, _, __):
        raw = block(SLICEORDER=order, IOPT="EPI, FMRI", NOSLC="4")
        data.private_block(0x0025, "GEMS_SERS_01", create=True).add_new(0x1B, "OB", raw)
        parameters = data.private_block(0x0043, "GEMS_PARM_01", create=True)
        parameters.add_new(0x7C, "FL", 0.25)

    (image,) = images(opened(tmp_path, ge_series(_protocol=put)))
    found = image.acquisition()
    assert (found.slice_timing and found.slice_timing.times_s.value) == times
    assert found.mr.volume_delay_s.value == 0.25


@pytest.mark.parametrize(
    ("name", "value"), [("IOPT", "SPIRAL"), ("NOSLC", "5"), ("multiband", "2"), ("count", 8)]
)
def test_ge_slice_order_is_not_used_where_it_does_not_hold(tmp_path, name, value):
    words = {"SLICEORDER": "1", "IOPT": "EPI", "NOSLC": "4"} | {name: value}

    def put(data, _, __):
        data.private_block(0x0025, "GEMS_SERS_01", create=True).add_new(0x1B, "OB", block(**words))
        if name == "multiband":
            data.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0xB6, "LO", [value, "4", "19"])
        if name == "count":
            data.private_block(0x0021, "GEMS_RELA_01", create=True).add_new(0x4F, "SS", value)

    (image,) = images(opened(tmp_path, ge_series(_protocol=put)))
    assert image.acquisition().slice_timing is None


def test_ge_readout_time_is_that_of_the_published_example(tmp_path):
    """GE/README.md: asset 1.5, 128 steps, spacing 636, partial Fourier: 0.055332 s."""

    def put(data, _, __):
        parameters = data.private_block(0x0043, "GEMS_PARM_01", create=True)
        parameters.add_new(0x2C, "SS", 636)
        parameters.add_new(0x83, "DS", ["0.666667", "1"])
        parameters.add_new(0xB6, "LO", ["2", "4", "19"])

    (image,) = images(opened(tmp_path, ge_series(_put=put)))
    found = image.acquisition().phase_encoding
    assert found.total_readout_time_s.value == pytest.approx(0.055332)
    assert found.effective_echo_spacing_s.value == pytest.approx(0.055332 / 4)  # five rows
    assert found.in_plane_acceleration.value == pytest.approx(1.5, rel=1e-5)
    assert found.multiband_factor.value == 2
    assert found.polarity is None


@pytest.mark.parametrize(("order", "polarity"), [("LINEAR", 1), ("REVERSE_LINEAR", -1), ("CENTRIC", None)])
def test_ge_polarity_is_that_of_the_public_element(tmp_path, order, polarity):
    series = ge_series(RectilinearPhaseEncodeReordering=lambda t, k: order)
    (image,) = images(opened(tmp_path, series))
    found = image.acquisition().phase_encoding.polarity
    assert (found and found.value) == polarity


@given(st.binary(max_size=300))
def test_ge_protocols_of_any_bytes_give_words_or_nothing(raw):
    assert isinstance(ge_timing.read_protocol(raw), dict)
    assert isinstance(ge_timing.read_protocol(struct.pack("<I", len(raw)) + raw), dict)


def test_ge_protocols_that_inflate_without_end_are_cut_off():
    raw = gzip.compress(b"\n" * (1 << 24))
    assert ge_timing.read_protocol(struct.pack("<I", len(raw)) + raw) == {}


# -- others -------------------------------------------------------------------------------------


def test_philips_readout_is_estimated_from_the_water_fat_shift(tmp_path):
    """Shift / (frequency · 3.4 ppm · (train + 1)) · train, and no polarity (dcm2niix's reference 801)."""
    data = build.stack(
        ramp(1, rows=64, columns=64),
        Manufacturer="Philips Medical Systems",
        InPlanePhaseEncodingDirection="ROW",
        EchoTrainLength=1,
        ImagingFrequency=127.763573,
    )[0]
    data.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(0x22, "FL", 0.14013619720935822)
    (image,) = images(opened(tmp_path, [data]))
    found = image.acquisition().phase_encoding
    assert found.estimated_readout_time_s.value == pytest.approx(0.0001613, rel=1e-4)
    assert found.estimated_echo_spacing_s.value == pytest.approx(2.56032e-06, rel=1e-4)
    assert (found.polarity, found.total_readout_time_s) == (None, None)


def test_united_imaging_tiles_tell_slice_times_and_the_readout(tmp_path):
    frame = np.ones((8, 10), np.uint16)
    data = build.instance(
        frame,
        Manufacturer="UIH",
        ImageType=["ORIGINAL", "PRIMARY", "M", "VFRAME"],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        PixelSpacing=[2.0, 2.0],
        RepetitionTime=900.0,
        ImagingFrequency=128176060,
        InPlanePhaseEncodingDirection="COL",
    )
    times = ("235959.600", "000000.200", "235959.900")  # over midnight
    tiles = [
        build.dataset(ImagePositionPatient=[0, 0, 3.0 * n], AcquisitionTime=t, AcquisitionDuration=21.0)
        for n, t in enumerate(times)
    ]
    own = data.private_block(0x0065, "Image Private Header", create=True)
    own.add_new(0x51, "SQ", build.DicomSequence(tiles))
    own.add_new(0x05, "SH", "A->P")
    own.add_new(0x0D, "SH", "F:2S")
    (image,) = images(opened(tmp_path, [data]))
    found = image.acquisition()
    assert found.slice_timing.times_s.value == pytest.approx((0.0, 0.6, 0.3))
    assert found.phase_encoding.total_readout_time_s.value == pytest.approx(0.021)
    assert found.phase_encoding.displayed.value == "A->P"
    assert found.phase_encoding.in_plane_acceleration.value == 2
    assert found.mr.imaging_frequency_mhz.value == pytest.approx(128.17606)  # written in hertz


def test_enhanced_siemens_frames_tell_slice_times_and_polarity(tmp_path):
    seconds = (0.16, 0.0, 0.32, 0.16)
    content = [
        {"FrameContentSequence": build.dataset(FrameAcquisitionDateTime=f"20260101120000.{int(1e6 * s):06d}")}
        for s in seconds
    ]
    data = build.enhanced(
        ramp().astype(np.uint16),
        [(0, 0, 3.0 * k) for k in range(4)],
        per_frame=content,
        Manufacturer="SIEMENS",
        MRAcquisitionType="2D",
    )
    shared = data.SharedFunctionalGroupsSequence[0]
    shared.MRTimingAndRelatedParametersSequence = build.items(RepetitionTime=500.0)
    shared.MRFOVGeometrySequence = build.items(InPlanePhaseEncodingDirection="COLUMN")
    item = build.dataset()
    item.private_block(0x0021, "SIEMENS MR SDI 02", create=True).add_new(0x1C, "IS", 0)
    item.private_block(0x0021, "SIEMENS MR SDI 02").add_new(0x53, "FD", 25.0)
    for group in data.PerFrameFunctionalGroupsSequence:
        own = group.private_block(0x0021, "SIEMENS MR SDI 02", create=True)
        own.add_new(0xFE, "SQ", build.DicomSequence([item]))
    (image,) = images(opened(tmp_path, [data]))
    found = image.acquisition()
    assert found.slice_timing.times_s.value == seconds
    assert (found.phase_encoding.axis.value, found.phase_encoding.polarity.value) == ("j", -1)
    assert found.phase_encoding.effective_echo_spacing_s.value == pytest.approx(1 / (25 * 5))


def test_three_dimensional_acquisitions_have_no_slice_timing(tmp_path):
    series = ge_series(TriggerTime=lambda t, k: 2000.0 * t + 100 * k)
    for data in series:
        data.MRAcquisitionType = "3D"
    (image,) = images(opened(tmp_path, series))
    assert image.acquisition().slice_timing is None


def test_values_that_make_no_sense_are_absent():
    data = build.dataset(EchoTrainLength=3)
    data.add_new(0x00180081, "DS", "")
    data.add_new(0x00181314, "LO", "ninety")
    elements = Elements.of(data)
    assert elements.number("EchoTime") is None
    assert elements.number("FlipAngle") is None
    assert elements.whole("EchoTrainLength").value == 3
    assert elements.private_number(ge_timing.PROTOCOL) is None
