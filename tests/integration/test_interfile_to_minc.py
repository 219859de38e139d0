"""A real Interfile image goes to MINC; Debian's mnc2nii and we read the same values at the same places."""

import shutil
import subprocess

import nibabel
import numpy as np
import pytest

import medvox as mv
from data import data_dir
from medvox.core.volume import Volume
from medvox.testing.volumes import axial_grid
from medvox.workflows.convert import ConvertOptions, convert

PLAIN = ConvertOptions(sidecar=False)


def canonical(path):
    image = nibabel.as_closest_canonical(nibabel.load(path))
    return image.get_fdata(), image.affine


def check(source, folder):
    """Convert to MINC, then to NIfTI by mnc2nii and by us."""
    if shutil.which("mnc2nii") is None:
        pytest.skip("mnc2nii (Debian: minc-tools) is not installed")
    assert not convert(source, folder / "x.mnc", PLAIN).skipped
    command = ["mnc2nii", folder / "x.mnc", folder / "theirs.nii"]
    subprocess.run(command, check=True, capture_output=True)
    assert not convert(folder / "x.mnc", folder / "ours.nii.gz", PLAIN).skipped
    (theirs, there), (ours, here) = canonical(folder / "theirs.nii"), canonical(folder / "ours.nii.gz")
    assert np.allclose(there, here, atol=1e-3)
    assert np.allclose(theirs, ours, rtol=1e-6, atol=1e-6 * np.abs(ours).max())
    return ours


def test_a_real_pet_image(tmp_path):
    source = data_dir("stir_interfile") / "recon_test_pack" / "test_image_3.hv"
    values = check(source, tmp_path)
    assert values.max() == pytest.approx(float(mv.read(source).values().max()), rel=1e-6)


def test_a_made_one(tmp_path):
    values = np.linspace(0, 1, 5 * 7 * 6, dtype=np.float32).reshape(5, 7, 6) ** 2
    mv.write(Volume(values, axial_grid()), tmp_path / "made.hv")
    assert check(tmp_path / "made.hv", tmp_path).shape == (6, 7, 5)
