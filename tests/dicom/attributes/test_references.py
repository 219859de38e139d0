"""Slice timing, b-values and b-vectors against dcm2niix's reference files."""

import json

import nibabel
import numpy as np
import pytest

from data import data_dir
from medvox.core.axes import lps_from_ras
from medvox.core.grid import Grid
from medvox.workflows.open_folder import scan
from medvox.workflows.sidecar import bval_bvec, sidecar_fields

SERIES = [
    ("dcm_qa_nih", "DCM2NIIX_regression_test_4", "Axial EPI-FMRI"),
    ("dcm_qa_nih", "EPI_PE=AP_3", "EPI PE=AP"),
    ("dcm_qa_nih", "EPI_PE=PA_4", "EPI PE=PA"),
    ("dcm_qa_nih", "EPI_PE=LR_6", "EPI PE=LR"),
    ("dcm_qa_siemens_orientation", "ax_asc_35sl_6", "ax_asc"),
    ("dcm_qa_siemens_orientation", "cor_asc_35sl_16", "cor_asc"),
    ("dcm_qa_siemens_orientation", "sag_asc_35sl_22", "sag_asc"),
    ("dcm_qa_enh", "Siemens_REST1_w_SMS_PF7-8_6", "REST1"),
    ("dcm_qa_enh", "Philips_WIP_B0_NS_801_e1", "magnitude"),
    ("dcm_qa_enh", "Philips_WIP_B0_NS_801_e2_fieldmaphz", "real"),
    ("dcm_qa_philips", "EPI_asc_CLEAR_201", "EPI_asc"),
    ("dcm_qa_uih", "dti_tra_dir16_AP_9_134431", "dti"),
]
"""Data set, reference, and what our label holds."""

TIME_STEP_OF_FLOAT32_S = 2**-6
"""dcm2niix holds UIH's times of day, 135742.249, in 32-bit floats: beyond 2**17 they are 1/64 apart."""


def opened(name, reference, label):
    """Series, image, and the reference's JSON and grid."""
    folder = data_dir(name)
    truth = json.loads((folder / "Ref" / f"{reference}.json").read_text())
    header = nibabel.load(folder / "Ref" / f"{reference}.nii")
    grid = Grid(header.shape[2::-1], lps_from_ras(header.affine))
    found = [
        (series, image)
        for series in scan(folder / "In").series()
        for image in series.images
        if series.format == "DICOM" and label in image.label
    ]
    assert len(found) == 1
    return (*found[0], truth, grid)


@pytest.mark.parametrize(("name", "reference", "label"), SERIES)
def test_slice_timing_is_the_references(name, reference, label):
    series, image, truth, grid = opened(name, reference, label)
    ours = sidecar_fields(series, image, grid).get("SliceTiming")
    if "SliceTiming" not in truth:
        assert ours is None
        return
    tolerance = TIME_STEP_OF_FLOAT32_S if truth["Manufacturer"] == "UIH" else 1e-3
    assert np.abs(np.subtract(ours, truth["SliceTiming"])).max() < tolerance


def test_uih_times_are_those_of_the_tiles_where_the_reference_has_rounded_them():
    """Truth by pydicom: Acquisition Time of each tile, of which the reference keeps seven digits."""
    from pydicom import dcmread

    folder = data_dir("dcm_qa_uih")
    series, image, _, grid = opened(*SERIES[-1])
    data = dcmread(image.instances[0].file, stop_before_pixels=True)
    times = [item.AcquisitionTime for item in data[0x0065, 0x1051].value]
    seconds = [int(t[:2]) * 3600 + int(t[2:4]) * 60 + float(t[4:]) for t in times]
    truth = np.subtract(seconds, min(seconds))
    assert folder.is_dir()
    assert np.abs(np.subtract(sidecar_fields(series, image, grid)["SliceTiming"], truth)).max() < 1e-5
    rounded = np.float32([float(t) for t in times])
    reference = json.loads((folder / "Ref" / "dti_tra_dir16_AP_9_134431.json").read_text())["SliceTiming"]
    assert np.abs(np.subtract(rounded - rounded.min(), reference)).max() < 1e-4


def test_b_values_and_vectors_are_the_references():
    folder = data_dir("dcm_qa_uih")
    series, image, _, grid = opened(*SERIES[-1])
    texts = bval_bvec(series, image, grid)
    assert texts is not None
    b_values, vectors = (np.array([row.split() for row in t.splitlines()], float) for t in texts)
    stem = folder / "Ref" / "dti_tra_dir16_AP_9_134431"
    assert np.abs(b_values[0] - np.loadtxt(stem.with_suffix(".bval"))).max() < 1
    assert np.abs(vectors - np.loadtxt(stem.with_suffix(".bvec"))).max() < 1e-3


@pytest.mark.parametrize(("name", "reference", "label"), [s for s in SERIES if s[0] != "dcm_qa_uih"])
def test_series_without_diffusion_have_no_b_values(name, reference, label):
    series, image, _, grid = opened(name, reference, label)
    assert image.acquisition().diffusion is None
    assert bval_bvec(series, image, grid) is None


# -- sidecars -----------------------------------------------------------------------------------

MUST_BE_EQUAL = (
    "AcquisitionDuration", "AcquisitionMatrixPE", "AcquisitionNumber", "BandwidthPerPixelPhaseEncode",
    "BodyPart",
    "DelayTime", "DerivedVendorReportedEchoSpacing", "DeviceSerialNumber", "DwellTime", "EchoTime",
    "EchoTrainLength", "EffectiveEchoSpacing", "EstimatedEffectiveEchoSpacing", "EstimatedTotalReadoutTime",
    "FlipAngle", "FrequencyEncodingSteps", "ImageOrientationPatientDICOM", "ImagingFrequency",
    "InPlanePhaseEncodingDirectionDICOM", "InstitutionAddress", "InstitutionName", "MRAcquisitionType",
    "MagneticFieldStrength", "Manufacturer", "ManufacturersModelName", "Modality",
    "MultibandAccelerationFactor", "NumberOfAverages", "NumberOfKSpaceTrajectories",
    "ParallelAcquisitionTechnique", "ParallelReductionFactorInPlane", "ParallelReductionFactorOutOfPlane",
    "PartialFourier", "PartialFourierDirection", "PatientPosition", "PercentPhaseFOV", "PercentSampling",
    "PhaseEncodingAxis", "PhaseEncodingDirection", "PhaseEncodingDirectionDisplayed", "PhaseEncodingSteps",
    "PhaseEncodingStepsOutOfPlane", "PhilipsRWVIntercept", "PhilipsRWVSlope", "PhilipsRescaleIntercept",
    "PhilipsRescaleSlope", "PhilipsScaleSlope", "PixelBandwidth", "ProtocolName", "ReconMatrixPE",
    "RepetitionTime", "SAR", "SequenceName", "SeriesDescription", "SeriesNumber", "SliceThickness",
    "SoftwareVersions", "SpacingBetweenSlices", "StationName", "StudyDescription", "TotalReadoutTime",
    "WaterFatShift",
)  # fmt: skip
"""Keys that must be equal wherever a reference has them, but for `DIFFERS`."""

DIFFERS = {
    ("DCM2NIIX_regression_test_4", "PhaseEncodingDirection"): (
        "dcm2niix finds the polarity in (0043,102A), an unpublished structure; without (0018,9034) we write "
        "PhaseEncodingAxis"
    ),
}

OF_DCM2NIIX = frozenset(
    {
        # written by the program about itself, or guessed from names
        "BidsGuess", "ConversionSoftware", "ConversionSoftwareVersion", "PulseSequenceType",
        "UsePhilipsFloatNotDisplayScaling",
        # Image Type with values of its own; ours is the header's
        "ImageType", "ImageTypeText", "NonlinearGradientCorrection", "Units",
        # compared in a test of its own, or written otherwise: "12:30:2.285000" has no such time
        "SliceTiming", "AcquisitionTime",
        # of the scanner's set-up, from the private protocol: not attributes for analysis
        "BaseResolution", "CoilCombinationMethod", "CoilString", "ConsistencyInfo", "EchoNumber",
        "ImageComments", "ImageOrientationText", "InstitutionalDepartmentName", "InternalPulseSequenceName",
        "MTState", "MatrixCoilMode", "PhaseEncodingPolarityGE", "PhaseResolution", "PrescanReuseString",
        "ProcedureStepDescription", "PulseSequenceDetails", "PulseSequenceName", "ReceiveCoilActiveElements",
        "ReceiveCoilName", "RefLinesPE", "ScanOptions", "ScanningSequence", "SequenceVariant", "ShimSetting",
        "SpoilingState", "TablePosition", "TxRefAmp",
    }
)  # fmt: skip
"""Keys of references that need not be equal, and why."""


@pytest.mark.parametrize(("name", "reference", "label"), SERIES)
def test_sidecars_are_the_references(name, reference, label):
    series, image, truth, grid = opened(name, reference, label)
    ours = sidecar_fields(series, image, grid, keep_identity=True)
    assert not truth.keys() - set(MUST_BE_EQUAL) - OF_DCM2NIIX, "a key nobody has thought about"
    for key in MUST_BE_EQUAL:
        if key not in truth or (reference, key) in DIFFERS:
            continue
        assert key in ours
        number = isinstance(truth[key], int | float | list)
        assert ours[key] == (pytest.approx(truth[key], rel=1e-4, abs=1e-9) if number else truth[key]), key


def test_what_differs_from_the_references_does_so_still():
    for reference, key in DIFFERS:
        name, _, label = next(s for s in SERIES if s[1] == reference)
        series, image, truth, grid = opened(name, reference, label)
        assert sidecar_fields(series, image, grid).get(key) != truth[key]
