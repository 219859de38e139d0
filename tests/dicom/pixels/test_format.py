"""PixelFormat: what a header says of its pixels, what is refused and what is repaired."""

import numpy as np
import pytest

from medvox.core.errors import FormatError, LimitError, MissingError, TruncatedError, UnsupportedError
from medvox.core.settings import using
from medvox.dicom.pixels import PixelFormat, check_length, common_dtype, joined_findings, present_frames
from medvox.testing.dicom_builder import instance

FRAME = np.arange(12, dtype=np.uint16).reshape(3, 4)


def format_of(header, save, data):
    return PixelFormat.of(header(save(data)))


def codes(form):
    return [finding.code for finding in form.findings]


def test_fields(header, save):
    form = format_of(header, save, instance(np.stack([FRAME, FRAME]), BitsStored=12, HighBit=11))
    assert (form.rows, form.columns, form.frames, form.samples) == (3, 4, 2, 1)
    assert (form.bits_allocated, form.bits_stored, form.high_bit, form.signed) == (16, 12, 11, False)
    assert (form.photometric, form.kind, form.big_endian) == ("MONOCHROME2", "integer", False)
    assert (form.dtype, form.channels, form.frame_shape) == (np.dtype("u2"), 1, (3, 4))
    assert form.native_length() == 48
    assert form.findings == ()


def test_no_pixels(header, save):
    with pytest.raises(MissingError, match="no pixel data"):
        format_of(header, save, instance(None))


@pytest.mark.parametrize(
    ("attributes", "error", "words"),
    [
        ({"Rows": 0}, FormatError, r"\(0028,0010\)"),
        ({"Columns": None}, FormatError, r"\(0028,0011\)"),
        ({"BitsAllocated": 7}, FormatError, "Bits Allocated"),
        ({"BitsAllocated": None}, FormatError, "Bits Allocated"),
        ({"BitsStored": 17}, FormatError, "Bits Stored"),
        ({"SamplesPerPixel": 3}, FormatError, "three samples"),
        ({"PhotometricInterpretation": "RGB"}, FormatError, "one sample"),
        ({"PhotometricInterpretation": "ARGB", "SamplesPerPixel": 4}, UnsupportedError, "ARGB"),
        ({"PhotometricInterpretation": "CMYK", "SamplesPerPixel": 4}, UnsupportedError, "CMYK"),
        ({"PhotometricInterpretation": "HSV", "SamplesPerPixel": 3}, UnsupportedError, "HSV"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, FormatError, "palette"),
    ],
)
def test_impossible_combinations_are_refused(attributes, error, words, header, save):
    with pytest.raises(error, match=words):
        format_of(header, save, instance(FRAME, **attributes))


def test_what_may_be_missing(header, save):
    missing = {"BitsStored": None, "HighBit": None, "PixelRepresentation": None, "SamplesPerPixel": None}
    form = format_of(header, save, instance(FRAME, PhotometricInterpretation=None, **missing))
    assert (form.bits_stored, form.high_bit, form.signed, form.samples) == (16, 15, False, 1)
    assert form.photometric == "MONOCHROME2"


def test_claims_beyond_the_limit_are_refused_before_memory_is_spent(header, save):
    path = save(instance(FRAME, Rows=65535, Columns=65535, NumberOfFrames=1000))
    with pytest.raises(LimitError, match="MEDVOX_MAX_IMAGE_BYTES"):
        PixelFormat.of(header(path))
    path = save(instance(FRAME, Rows=3000, Columns=3000, NumberOfFrames=1))
    assert PixelFormat.of(header(path)).frames == 1
    with using(max_image_bytes=17_999_999), pytest.raises(LimitError):
        PixelFormat.of(header(path))


def test_two_gigabyte_claim_without_data_is_refused_at_reading(header, save, refs):
    from medvox.dicom.pixels import frame_reader

    path = save(instance(FRAME, Rows=32767, Columns=32767))
    known = refs(path)
    assert present_frames(header(path), known[0].format) == 0
    assert [f.code for f in check_length(header(path), known[0].format)] == ["truncated-pixel-data"]
    with pytest.raises(TruncatedError, match="frame 1"):
        frame_reader(known)([0], np.empty((1, 32767, 32767), "u2"))


def test_too_much_data_is_an_information(header, save):
    data = instance(FRAME)
    data["PixelData"].value += b"\0" * 10
    path = save(data)
    assert [f.code for f in check_length(header(path), PixelFormat.of(header(path)))] == [
        "wrong-pixel-length"
    ]


@pytest.mark.parametrize(
    ("attributes", "vr"),
    [
        ({"PixelPaddingValue": -2000}, "SS"),
        ({"SmallestImagePixelValue": -1024, "LargestImagePixelValue": 3000}, "SS"),
        ({"SmallestImagePixelValue": 64512, "LargestImagePixelValue": 3000}, "US"),
    ],
)
def test_sign_that_the_header_contradicts_is_repaired(attributes, vr, header, save):
    data = instance(FRAME)
    for keyword, value in attributes.items():
        setattr(data, keyword, value)
        data[keyword].VR = vr
    form = format_of(header, save, data)
    assert form.signed
    assert form.dtype == np.dtype("i2")
    assert codes(form) == ["signedness-repaired"]


def test_padding_beyond_unsigned_bits_shows_the_sign(header, save):
    data = instance(FRAME, BitsStored=12, HighBit=11, PixelPaddingValue=65536 - 2000)
    data["PixelPaddingValue"].VR = "US"
    form = format_of(header, save, data)
    assert form.signed
    assert form.padding == (-2000, -2000)


def test_plain_padding_proves_nothing(header, save):
    data = instance(FRAME, PixelPaddingValue=65535, PixelPaddingRangeLimit=65000)
    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        data[keyword].VR = "US"
    form = format_of(header, save, data)
    assert not form.signed
    assert form.padding == (65000, 65535)
    assert form.findings == ()


def test_padding_takes_the_type_of_the_pixels(header, save):
    data = instance(FRAME.astype("i2"), PixelPaddingValue=63536)
    data["PixelPaddingValue"].VR = "US"
    assert format_of(header, save, data).padding == (-2000, -2000)


@pytest.mark.parametrize(("declared", "used"), [(15, 15), (5, 11), (16, 11)])
def test_high_bit_that_does_not_fit(declared, used, header, save):
    form = format_of(header, save, instance(FRAME, BitsStored=12, HighBit=declared))
    assert form.high_bit == used
    assert codes(form) == ["high-bit-repaired"]


def test_monochrome1_values_stay(save, load):
    np.testing.assert_array_equal(
        load(save(instance(FRAME, PhotometricInterpretation="MONOCHROME1")))[0], FRAME
    )


def test_common_dtype(header, save):
    forms = {k: format_of(header, save, instance(FRAME.astype(k))) for k in ("u1", "u2", "i2")}
    assert common_dtype([forms["u1"], forms["u2"]]) == np.dtype("u2")
    assert common_dtype([forms["u2"], forms["i2"]]) == np.dtype("i4")
    colour = format_of(header, save, instance(np.zeros((2, 2, 3), "u1")))
    with pytest.raises(FormatError, match="colour and grey"):
        common_dtype([forms["u1"], colour])


def test_no_identity_of_the_patient_in_errors(header, save):
    with pytest.raises(FormatError) as caught:
        format_of(header, save, instance(FRAME, BitsAllocated=7, PatientName="Secret^Name"))
    assert "Secret" not in str(caught.value)


def test_loss_is_told(header, save):
    data = instance(FRAME, LossyImageCompression="01", LossyImageCompressionRatio=["8.5"])
    (finding,) = format_of(header, save, data).findings
    assert finding.code == "lossy-compression"
    assert "8.5" in finding.text
    assert format_of(header, save, instance(FRAME, LossyImageCompression="00")).findings == ()


def test_equal_headers_share_a_format_and_others_do_not(header, save):
    plain = format_of(header, save, instance(FRAME))
    assert format_of(header, save, instance(FRAME + 1)) is plain
    assert format_of(header, save, instance(FRAME, BitsStored=12, HighBit=11)) is not plain
    overlaid = instance(FRAME, BitsStored=12, HighBit=11)
    overlaid.add_new(0x60000102, "US", 12)
    assert codes(format_of(header, save, overlaid)) == ["overlay-bits"]


def test_findings_of_many_files_are_told_once(header, save):
    forms = [
        PixelFormat.of(header(save(instance(FRAME, BitsStored=12, HighBit=high), f"{n}.dcm")))
        for n, high in enumerate((15, 15, 14, 15))
    ]
    joined = joined_findings(f for form in forms for f in form.findings)
    assert [f.where for f in joined] == ["0.dcm and 2 more", "2.dcm"]
