"""Interfile beside MedCon, and STIR's own files."""

import re
from pathlib import Path

import numpy as np
import pytest

from data import data_dir
from interfile_headers import SPECT, VALUES, put, with_keys
from medcon import medcon, run_medcon
from medvox.core import affine as aff
from medvox.core.axes import SPATIAL, TIME
from medvox.core.grid import Grid, Space
from medvox.core.study import Kind
from medvox.core.volume import Volume
from medvox.formats.gantry import scanner_axes
from medvox.formats.interfile import InterfileFormat
from medvox.testing.volumes import SHAPE, ramp

FORM = InterfileFormat()


def scanner_grid() -> Grid:
    return Grid(SHAPE, aff.compose((3.0, 0.75, 0.5), scanner_axes("HFS")[:, ::-1], (-12.5, 30.25, -500.0)))


def read(path: Path) -> Volume:
    (image,) = FORM.images(path)
    return image.open()


@medcon
@pytest.mark.parametrize("slices", ["Transverse", "Coronal", "Sagittal"])
@pytest.mark.parametrize("position", ["head_in supine", "feet_in supine", "head_in prone", "feet_in prone"])
def test_directions_are_those_of_medcon(tmp_path: Path, slices: str, position: str) -> None:
    """MedCon's row and column directions, and the way its slices advance, are those of the grid."""
    end, side = position.split()
    text = with_keys(SPECT, patient_orientation=end, patient_rotation=side, slice_orientation=slices)
    path = put(tmp_path, text, VALUES.astype(">u2"), "x.h33")
    told = run_medcon(tmp_path, "-d", "-f", "x.h33")
    places = [float(v) for v in re.findall(r"image_pos_pat\[\d\]\s*: (\S+)", told)]
    turns = [float(v) for v in re.findall(r"image_orient_pat\[\d\]\s*: (\S+)", told)]
    grid = read(path).grid
    assert np.allclose(grid.direction[:, 2], turns[:3])
    assert np.allclose(grid.direction[:, 1], turns[3:6])
    assert np.allclose(grid.affine[:3, 0], np.subtract(places[3:6], places[:3]))
    assert grid.space is Space.PATIENT


@medcon
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_medcon_reads_what_is_written(tmp_path: Path, dtype: str) -> None:
    """MedCon turns a file written here into NIfTI with the same values and spacing."""
    nibabel = pytest.importorskip("nibabel")
    volume = Volume(ramp(SHAPE, dtype), scanner_grid())
    FORM.write(volume, tmp_path / "x.hv")
    run_medcon(tmp_path, "-f", "x.hv", "-c", "nifti", "-o", "y", "-w", "-noprefix", "-n")
    image = nibabel.load(tmp_path / "y.nii")
    values = np.asarray(image.dataobj).squeeze()
    assert np.allclose(values.T, volume.values(), rtol=1e-6)
    assert np.allclose(image.header.get_zooms()[:3], (0.5, 0.75, 3.0))


@medcon
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_reads_what_medcon_writes(tmp_path: Path, dtype: str) -> None:
    """A NIfTI file that MedCon turned into Interfile has the same values and spacing here."""
    nibabel = pytest.importorskip("nibabel")
    values = ramp(SHAPE, dtype)
    nibabel.save(nibabel.Nifti1Image(values.T, np.diag([0.5, 0.75, 3.0, 1.0])), tmp_path / "y.nii")
    run_medcon(tmp_path, "-f", "y.nii", "-c", "intf", "-o", "x", "-w", "-noprefix", "-n")
    volume = read(tmp_path / "x.h33")
    assert np.allclose(volume.values(), values, rtol=1e-6)
    assert volume.shape == SHAPE
    assert np.allclose(volume.grid.spacing_mm, (3.0, 0.75, 0.5), rtol=1e-4)
    assert volume.grid.space is Space.LOCAL


@medcon
def test_medcon_reads_time_frames(tmp_path: Path) -> None:
    """MedCon reads the frames of a file written here."""
    nibabel = pytest.importorskip("nibabel")
    times = {TIME: (0.0, 10.0, 30.0)}
    volume = Volume(ramp((3, *SHAPE), "int16"), scanner_grid(), (TIME, *SPATIAL), coordinates=times)
    assert FORM.write(volume, tmp_path / "x.hv").losses == ()
    run_medcon(tmp_path, "-f", "x.hv", "-c", "nifti", "-o", "y", "-w", "-noprefix", "-n")
    assert np.array_equal(np.asarray(nibabel.load(tmp_path / "y.nii").dataobj).T, volume.values())
    assert read(tmp_path / "x.hv").coordinates == times


# -- real files ---------------------------------------------------------------------------------------------


def test_stir_recon_test_pack() -> None:
    """STIR's own files: image and sinograms."""
    folder = data_dir("stir_interfile")
    image = read(folder / "recon_test_pack" / "test_image_3.hv")
    raw = np.fromfile(folder / "recon_test_pack" / "test_image_3.v", "<f4").reshape(31, 97, 97)
    assert np.array_equal(image.values(), raw)
    assert np.allclose(image.grid.to_patient([0, 48, 48]), 0)
    assert image.grid.letters == "IPL"
    assert np.allclose(image.grid.spacing_mm, (3.375, 3.1088, 3.1088))
    (sinogram,) = FORM.images(folder / "recon_test_pack" / "scatter_cylinder.hs")
    assert sinogram.shape == (32, 8, 35)
    assert sinogram.kind is Kind.STACK
    for path in folder.rglob("*.h[vs]"):
        for found in FORM.images(path):
            assert np.isfinite(found.open().values()).all()
