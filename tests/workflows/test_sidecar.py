"""Sidecars against dcm2niix, on series built after vendors' public descriptions."""

import json
import subprocess

import nibabel
import numpy as np
import pytest

from dicom.series_data import codes, opened
from dicom.test_vendors import csa
from medvox.core.axes import lps_from_ras
from medvox.core.grid import Grid
from medvox.testing import dicom_builder as build
from medvox.workflows.open_folder import scan
from medvox.workflows.sidecar import IDENTITY, bval_bvec, sidecar_fields
from workflows.diffusion_series import B_VALUES, DIRECTIONS, MAKERS, OBLIQUE, series

CORONAL, SAGITTAL = (1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1)
IN_PATIENT = ("SIEMENS", "Philips Medical Systems", "UIH")
TO_READOUT = ("GE MEDICAL SYSTEMS", "CANON_MEC")


def by_dcm2niix(instances, folder):
    """What dcm2niix makes of a series: grid, JSON, stem of the files."""
    program = pytest.importorskip("dcm2niix").bin
    build.save(instances, folder / "in")
    (folder / "out").mkdir()
    command = [program, "-z", "n", "-f", "x", "-o", str(folder / "out"), str(folder / "in")]
    subprocess.run(command, check=True, capture_output=True)
    image = nibabel.load(folder / "out" / "x.nii")
    grid = Grid(image.shape[2::-1], lps_from_ras(image.affine))
    return grid, json.loads((folder / "out" / "x.json").read_text()), folder / "out" / "x"


def only(found):
    ((one, image),) = [(s, i) for s in found.series() for i in s.images]
    return one, image


def numbers(text):
    return np.array([line.split() for line in text.splitlines()], float)


@pytest.mark.parametrize("phase", ["COL", "ROW"])
@pytest.mark.parametrize(
    ("maker", "orientation"),
    [(m, o) for m in IN_PATIENT for o in (OBLIQUE, CORONAL, SAGITTAL)] + [(m, OBLIQUE) for m in TO_READOUT],
)
def test_b_values_and_vectors_are_dcm2niixs(tmp_path, maker, orientation, phase):
    grid, _, stem = by_dcm2niix(series(maker, orientation=orientation, phase=phase), tmp_path)
    texts = bval_bvec(*only(scan(tmp_path / "in")), grid)
    assert texts is not None
    assert np.abs(numbers(texts[0]) - np.loadtxt(stem.with_suffix(".bval"))).max() < 1
    assert np.abs(numbers(texts[1]) - np.loadtxt(stem.with_suffix(".bvec"))).max() < 1e-3


@pytest.mark.parametrize("maker", TO_READOUT)
@pytest.mark.parametrize("odd", [{"orientation": CORONAL}, {"position": "FFS"}, {"phase": "OTHER"}])
def test_directions_relative_to_the_readout_are_refused_where_nobody_describes_them(tmp_path, maker, odd):
    instances = series(maker, **{name: value for name, value in odd.items() if name != "position"})
    for data in instances:
        data.PatientPosition = odd.get("position", "HFS")
    one, image = only(opened(tmp_path, instances))
    found = image.acquisition()
    assert found.diffusion.b_values_s_mm2.value == B_VALUES
    assert found.diffusion.directions_lps is None
    assert [f.code for f in found.findings] == ["odd-attribute"]
    assert bval_bvec(one, image) is None


@pytest.mark.parametrize("maker", ["SIEMENS", "Philips Medical Systems"])
def test_directions_in_the_patient_are_those_of_the_header(tmp_path, maker):
    _, image = only(opened(tmp_path, series(maker)))
    found = image.acquisition().diffusion
    for ours, theirs in zip(found.directions_lps.value[1:], DIRECTIONS[1:], strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    row, column = np.array(OBLIQUE[:3]), np.array(OBLIQUE[3:])
    truth = [np.dot(DIRECTIONS[5], axis) for axis in (row, column, np.cross(row, column))]
    assert found.directions_image.value[5] == pytest.approx(truth, abs=1e-5)
    assert found.directions_lps.value[0] is None


def test_b_vectors_follow_every_order_of_voxels(tmp_path):
    """FSL's rule: x is turned where the NIfTI matrix has a positive determinant; all mean one vector."""
    one, image = only(opened(tmp_path, series("SIEMENS")))
    volume = image.open()
    for flips in np.ndindex(2, 2, 2):
        window = tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)
        grid = volume.grid.crop(window)
        nifti = np.diag([-1.0, -1.0, 1.0]) @ grid.affine[:3, [2, 1, 0]]  # i, j, k to RAS
        vectors = numbers(bval_bvec(one, image, grid)[1]).T
        if np.linalg.det(nifti) > 0:
            vectors[:, 0] *= -1
        world = vectors @ (nifti / np.linalg.norm(nifti, axis=0)).T * (-1, -1, 1)
        assert np.allclose(world, DIRECTIONS, atol=1e-5)


def mosaic():
    """Five 4 × 6 slices, interleaved, phase along a column."""
    frame = np.arange(12 * 18, dtype=np.uint16).reshape(12, 18)
    data = build.instance(
        frame,
        Manufacturer="SIEMENS",
        ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"],
        ImagePositionPatient=[-9.0, -6.0, 20.0],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        PixelSpacing=[1.0, 1.0],
        SpacingBetweenSlices=4.0,
        MRAcquisitionType="2D",
        RepetitionTime=1000.0,
        InPlanePhaseEncodingDirection="COL",
        InstitutionName="St. Elsewhere",
    )
    header = csa(
        NumberOfImagesInMosaic=["5"],
        SliceNormalVector=["0", "0", "1"],
        MosaicRefAcqTimes=["0", "400", "100", "500", "200"],
        PhaseEncodingDirectionPositive=["1"],
        BandwidthPerPixelPhaseEncode=["25.0"],
    )
    data.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", header)
    return data


@pytest.mark.parametrize(
    ("flips", "direction", "times"),
    [
        ((0, 0, 0), "j", [0, 0.4, 0.1, 0.5, 0.2]),
        ((0, 1, 0), "j-", [0, 0.4, 0.1, 0.5, 0.2]),
        ((1, 1, 0), "j-", [0.2, 0.5, 0.1, 0.4, 0]),
        ((1, 0, 1), "j", [0.2, 0.5, 0.1, 0.4, 0]),
    ],
)
def test_phase_encoding_and_slice_timing_follow_the_order_of_voxels(tmp_path, flips, direction, times):
    """Positive, along a column, means toward higher rows as stored."""
    one, image = only(opened(tmp_path, [mosaic()]))
    grid = image.grid.crop(tuple(slice(None, None, -1) if flip else slice(None) for flip in flips))
    found = sidecar_fields(one, image, grid)
    assert found["PhaseEncodingDirection"] == direction
    assert found["SliceTiming"] == pytest.approx(times)
    assert found["EffectiveEchoSpacing"] == pytest.approx(1 / (25.0 * 4))  # four rows a tile
    assert found["TotalReadoutTime"] == pytest.approx(3 / (25.0 * 4))


def test_phase_encoding_follows_axes_that_change_places(tmp_path):
    one, image = only(opened(tmp_path, [mosaic()]))
    matrix = image.grid.affine.copy()
    matrix[:, :3] = image.grid.affine[:, [1, 2, 0]]  # now j, i, k
    turned = Grid((4, 6, 5), matrix)
    found = sidecar_fields(one, image, turned)
    assert found["PhaseEncodingDirection"] == "k"
    assert found["SliceEncodingDirection"] == "i"


def test_what_dcm2niix_says_of_a_mosaic_is_ours(tmp_path):
    grid, theirs, _ = by_dcm2niix([mosaic()], tmp_path)
    ours = sidecar_fields(*only(scan(tmp_path / "in")), grid)
    for key in ("SliceTiming", "PhaseEncodingDirection", "EffectiveEchoSpacing", "TotalReadoutTime"):
        assert ours[key] == (theirs[key] if isinstance(theirs[key], str) else pytest.approx(theirs[key])), key


def test_nothing_identifying_is_written_unless_asked(tmp_path):
    data = mosaic()
    data.update(build.dataset(DeviceSerialNumber="4711", StationName="MR1", AcquisitionTime="120000.5"))
    one, image = only(opened(tmp_path, [data]))
    assert not sidecar_fields(one, image).keys() & IDENTITY
    found = sidecar_fields(one, image, keep_identity=True)
    assert found["InstitutionName"] == "St. Elsewhere"
    assert found["DeviceSerialNumber"] == "4711"
    assert found["AcquisitionTime"] == "12:00:00.500000"


def test_images_that_are_not_dicom_have_no_fields(tmp_path):
    nibabel.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.eye(4)).to_filename(tmp_path / "a.nii")
    one, image = only(scan(tmp_path))
    assert sidecar_fields(one, image) == {}
    assert bval_bvec(one, image) is None
    assert image.acquisition().mr is None


def test_trace_images_are_named_and_have_no_direction(tmp_path):
    """Philips stores the mean of the directions behind them (PS3.3 C.8.13.5.9, ISOTROPIC)."""
    instances = series("Philips Medical Systems")
    for data in instances[-4:]:
        data.DiffusionDirectionality = "ISOTROPIC"
    found = opened(tmp_path, instances)
    one, image = only(found)
    acquisition = image.acquisition()
    assert acquisition.diffusion.directionality[-1] == "ISOTROPIC"
    assert acquisition.diffusion.directions_lps.value[-1] is None
    assert [f.text for f in acquisition.findings] == ["Volume 7 of 7: isotropic (trace)"]
    assert numbers(bval_bvec(one, image)[1])[:, -1].tolist() == [0, 0, 0]
    assert "odd-attribute" not in codes(found)


def test_every_maker_is_tried():
    assert {*IN_PATIENT, *TO_READOUT} == MAKERS.keys()
