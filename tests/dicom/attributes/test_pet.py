"""PET attributes: real headers, and clocks that run over midnight."""

import math

import pytest

from data import data_dir
from dicom.series_data import images, opened, ramp
from medvox.testing import dicom_builder as build
from medvox.workflows.open_folder import scan
from medvox.workflows.sidecar import sidecar_fields

F18_HALF_LIFE_S = 6586.2


def pets(name, folder="."):
    return [i.acquisition().pet for i in scan(data_dir(name) / folder).images() if i.modality == "PT"]


def test_real_headers_give_typed_facts():
    found = {p.injected_dose_bq.value: p for p in pets("pet_acrin_suv")}
    assert sorted(found) == [173529998.7793, 178340011.59668]
    pet = found[178340011.59668]
    assert pet.units.value == "BQML"
    assert pet.half_life_s.value == F18_HALF_LIFE_S
    assert pet.radionuclide.value.startswith("F^18")
    assert pet.weight_kg.value == pytest.approx(69.7344)
    assert pet.decay_correction.value == "START"
    assert pet.injection_s.value == 14 * 3600 + 17 * 60
    assert pet.decay_from_injection_s.value == pytest.approx(15 * 3600 + 23 * 60 + 16.921 - 51420)
    assert pet.attenuation_method.value == "measured,AC_CT FLT"
    assert "ATTN" in pet.corrections.value
    assert pet.injected_dose_bq.source == "(0018,1074) RadionuclideTotalDose"


def test_half_life_and_times_explain_the_decay_factors_of_real_headers():
    """A check by physics: the scanner's own factor is exp(ln 2 · reference time / half-life)."""
    found = pets("pet_acrin_suv")
    assert len(found) == 2
    for pet in found:
        expected = math.exp(math.log(2) * pet.frame_reference_times_s.value[0] / pet.half_life_s.value)
        assert pet.decay_factors.value[0] == pytest.approx(expected, rel=2e-4)


def test_values_in_suv_say_so_and_to_which_time_they_are_corrected():
    (pet,) = pets("sts_pet_ct_mr", "dicom/STS_002/PET/image")
    assert (pet.units.value, pet.suv_kind.value) == ("GML", "BW")
    assert pet.decay_correction.value == "ADMIN"
    assert pet.decay_from_injection_s.value == 0
    assert len(pet.decay_factors.value) == 48


# -- built --------------------------------------------------------------------------------------


def pet_slices(injected, series="120000", acquired=None, **changes):
    """Two slices; `injected` are attributes of the radiopharmaceutical."""
    inside = {"RadionuclideTotalDose": 3.7e8, "RadionuclideHalfLife": F18_HALF_LIFE_S} | injected
    attributes = {
        "Units": "BQML",
        "DecayCorrection": "START",
        "SeriesDate": "20260102",
        "SeriesTime": series,
        "AcquisitionDate": "20260102",
        "AcquisitionTime": acquired or series,
        "RadiopharmaceuticalInformationSequence": build.items(**inside),
    } | changes
    return build.stack(ramp(2), modality="PT", **attributes)


def acquisition(folder, slices):
    (image,) = images(opened(folder, slices))
    return image.acquisition()


@pytest.mark.parametrize(
    ("injected", "series", "passed", "told"),
    [
        ({"RadiopharmaceuticalStartTime": "110000"}, "120000", 3600, 0),
        ({"RadiopharmaceuticalStartTime": "233000"}, "003000", 3600, 1),
        ({"RadiopharmaceuticalStartDateTime": "20260101233000"}, "003000", 3600, 0),
        ({"RadiopharmaceuticalStartDateTime": "20260102110000.5"}, "120000", 3599.5, 0),
        # a date that was shifted by anonymization does not fit: the time of day counts, and it is told
        ({"RadiopharmaceuticalStartDateTime": "20191224110000"}, "120000", 3600, 1),
        (
            {
                "RadiopharmaceuticalStartDateTime": "20260103110000",
                "RadiopharmaceuticalStartTime": "110000",
            },
            "120000",
            3600,
            0,
        ),
    ],
)
def test_time_from_injection_is_found_over_midnight_and_wrong_dates(tmp_path, injected, series, passed, told):
    found = acquisition(tmp_path, pet_slices(injected, series))
    assert found.pet.decay_from_injection_s.value == pytest.approx(passed)
    assert [f.code for f in found.findings] == ["odd-attribute"] * told


@pytest.mark.parametrize(
    ("changes", "passed"),
    [
        ({"DecayCorrection": "ADMIN"}, 0),
        ({"DecayCorrection": "NONE"}, None),
        ({"DecayCorrection": None}, None),
        ({"DecayCorrectionDateTime": "20260102113000"}, 1800),
    ],
)
def test_the_decay_reference_is_that_of_the_correction(tmp_path, changes, passed):
    found = acquisition(tmp_path, pet_slices({"RadiopharmaceuticalStartTime": "110000"}, **changes))
    ours = found.pet.decay_from_injection_s
    assert (ours and ours.value) == passed
    assert not found.findings


def test_a_series_time_after_the_acquisition_is_no_decay_reference(tmp_path):
    slices = pet_slices({"RadiopharmaceuticalStartTime": "110000"}, series="140000", acquired="120000")
    found = acquisition(tmp_path, slices)
    assert found.pet.decay_reference_s is None
    assert found.pet.decay_from_injection_s is None
    (note,) = found.findings
    assert "Series Time is later than Acquisition Time" in note.text


def test_a_dose_in_megabecquerel_is_told(tmp_path):
    found = acquisition(tmp_path, pet_slices({"RadionuclideTotalDose": 370.0}))
    assert found.pet.injected_dose_bq.value == pytest.approx(3.7e8)
    assert "taken for MBq" in found.findings[0].text


def test_what_is_not_told_is_absent(tmp_path):
    slices = build.stack(ramp(2), modality="PT", Units="CNTS")
    pet = acquisition(tmp_path, slices).pet
    assert pet.units.value == "CNTS"
    for name in ("injected_dose_bq", "half_life_s", "tracer", "injection_s", "decay_factors", "weight_kg"):
        assert getattr(pet, name) is None


def test_dynamic_series_have_a_value_a_volume_in_the_sidecar(tmp_path):
    slices = []
    for t in range(3):
        part = pet_slices({}, ActualFrameDuration=60_000 * (t + 1), FrameReferenceTime=30_000.0 * t)
        for k, data in enumerate(part):
            data.InstanceNumber = 1 + 2 * t + k
            data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = build.uid(f"{t}/{k}")
        slices += part
    found = opened(tmp_path, slices)
    ((series, image),) = [(s, i) for s in found.series() for i in s.images]
    fields = sidecar_fields(series, image)
    assert image.axes[0] == "time"
    assert fields["FrameDuration"] == [60, 120, 180]
    assert fields["FrameReferenceTime"] == [0, 30, 60]
    assert (fields["InjectedRadioactivity"], fields["InjectedRadioactivityUnits"]) == (3.7e8, "Bq")
