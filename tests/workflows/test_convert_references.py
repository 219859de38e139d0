"""Conversion against dcm2niix's reference files: every one of the data sets, values and affine."""

import json

import nibabel
import numpy as np
import pytest

from data import data_dir
from medvox.workflows.convert import ConvertOptions, convert

SETS = ("dcm_qa_nih", "dcm_qa_siemens_orientation", "dcm_qa_enh", "dcm_qa_philips", "dcm_qa_uih")


def from_dicom(report):
    """NIfTI files made from DICOM: a reference that lies among the inputs would match itself."""
    return [f for done in report.converted for f in done.files[:1] if "Modality" in sidecar(f)]


def sidecar(path):
    return json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())


def best_match(reference, candidates):
    """Smallest (affine difference in mm, relative value difference, file) over files of the same shape."""
    truth = nibabel.load(reference)
    values = np.asanyarray(truth.dataobj).astype(float)
    found = []
    for path in candidates:
        ours = nibabel.load(path)
        if ours.shape == truth.shape:
            affine = np.abs(ours.affine - truth.affine).max()
            ratio = np.abs(np.asanyarray(ours.dataobj) - values).max() / np.abs(values).max()
            found.append((float(affine), float(ratio), path))
    return min(found, key=lambda match: match[0] + match[1])


@pytest.mark.parametrize("name", SETS)
def test_every_reference_is_met(name, tmp_path):
    folder = data_dir(name)
    report = convert(folder / "In", tmp_path)  # without the references, which would match themselves
    assert not report.skipped
    written = from_dicom(report)
    references = sorted((folder / "Ref").glob("*.nii"))
    assert references
    for reference in references:
        affine, ratio, _ = best_match(reference, written)
        assert affine < 1e-3, reference.name
        assert ratio < 1e-4, reference.name


def test_other_orders_put_every_voxel_at_the_same_place(tmp_path):
    folder = data_dir("dcm_qa_siemens_orientation")
    worlds = {}
    for order in ("dcm2niix", "stored", "ras"):
        report = convert(folder / "In", tmp_path / order, ConvertOptions(order=order))
        path = next(f for f in report.converted[-1].files if f.name.endswith(".nii.gz"))
        canonical = nibabel.as_closest_canonical(nibabel.load(path))
        worlds[order] = (canonical.affine, np.asanyarray(canonical.dataobj))
    for order in ("stored", "ras"):
        assert np.allclose(worlds[order][0], worlds["dcm2niix"][0], atol=1e-3)
        assert np.array_equal(worlds[order][1], worlds["dcm2niix"][1])


SAME = (
    "Modality", "Manufacturer", "ManufacturersModelName", "BodyPart", "PatientPosition", "SeriesDescription",
    "ProtocolName", "ScanningSequence", "SequenceVariant", "ScanOptions", "SequenceName", "MRAcquisitionType",
    "SoftwareVersions", "InPlanePhaseEncodingDirectionDICOM", "SeriesNumber", "AcquisitionNumber",
    "MagneticFieldStrength", "ImagingFrequency", "FlipAngle", "EchoTrainLength", "PixelBandwidth",
    "SliceThickness", "SpacingBetweenSlices", "PercentSampling", "PercentPhaseFOV", "SAR", "RepetitionTime",
    "EchoTime",
)  # fmt: skip
"""Keys whose values must be dcm2niix's. Image Type is not among them: it cuts its values and adds others."""


@pytest.mark.parametrize("name", SETS)
def test_sidecars_and_times_are_those_of_the_references(name, tmp_path):
    folder = data_dir(name)
    # with identity: one of the patients is called after the words of its protocol
    written = from_dicom(convert(folder / "In", tmp_path, ConvertOptions(keep_identity=True)))
    for reference in sorted((folder / "Ref").glob("*.nii")):
        _, _, path = best_match(reference, written)
        ours, theirs = sidecar(path), json.loads(reference.with_suffix(".json").read_text())
        shared = [key for key in SAME if key in ours and key in theirs]
        assert len(shared) >= 12
        for key in shared:
            number = isinstance(theirs[key], int | float)
            truth = pytest.approx(theirs[key], rel=1e-3) if number else theirs[key]
            assert ours[key] == truth, key
        if "time" in ours["medvox"]["axes"]:
            zooms = [nibabel.load(p).header.get_zooms()[3] for p in (path, reference)]
            assert zooms[0] == pytest.approx(zooms[1], rel=1e-3)
