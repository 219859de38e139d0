"""Contours of RTSTRUCT and voxel masks lie on the right grid: that of the image that they were drawn on."""

import nibabel
import numpy as np
import pytest
from pydicom import dcmread

from data import data_dir
from dicom.series_data import images, opened
from medvox.core.axes import lps_from_ras
from medvox.testing import dicom_builder as build
from medvox.workflows.open_folder import scan


def filled(grid, rings_mm):
    """Voxels with their centre in an odd number of rings, and how far rings are from planes (C.8.8.6.3)."""
    from skimage.measure import points_in_poly

    mask, off = np.zeros(grid.shape, bool), 0.0
    j, i = np.indices(grid.shape[1:])
    centres = np.stack([j.ravel(), i.ravel()], axis=1)
    for points in rings_mm:
        kji = grid.to_voxel(points)
        k = round(float(kji[0, 0]))
        off = max(off, float(np.abs(kji[:, 0] - k).max()))
        mask[k] ^= points_in_poly(centres, kji[:, 1:]).reshape(j.shape)
    return mask, off


def rings(data):
    contours = data.ROIContourSequence[0].ContourSequence
    return [np.array(c.ContourData, float).reshape(-1, 3) for c in contours]


@pytest.mark.parametrize("modality", ["CT", "PET", "MR_T1"])
def test_real_contours_fill_the_voxels_of_the_published_mask(modality):
    root = data_dir("sts_pet_ct_mr")
    volume = scan(root / "dicom" / "STS_002" / modality / "image").volume()
    image, mask = (root / "nifti" / "STS_002" / f"{modality}_{name}.nii.gz" for name in ("image", "mask"))
    truth = np.asanyarray(nibabel.load(mask).dataobj).T > 0
    assert np.allclose(lps_from_ras(nibabel.load(mask).affine), volume.grid.affine, atol=1e-3)
    assert np.allclose(np.asanyarray(nibabel.load(image).dataobj).T, volume.values(), atol=1e-4)
    ours, off = filled(volume.grid, rings(dcmread(root / "dicom" / "STS_002" / modality / "mask" / "RS.dcm")))
    assert off < 0.02
    assert np.array_equal(ours, truth)
    # the masks as our own reader of NIfTI places them
    assert scan(mask).volume().grid.is_close(volume.grid)


@pytest.mark.parametrize("reverse", [False, True])
def test_built_contours_fill_the_voxels_they_were_drawn_round(tmp_path, reverse):
    """A ring half a voxel outside a block, on an oblique grid; slices stored from either end."""
    orientation = (0.96, 0.28, 0.0, -0.2688, 0.9216, 0.28)
    slices = build.stack(
        np.zeros((5, 9, 8), np.int16), modality="CT", orientation=orientation, origin_mm=(-7.0, 3.0, 11.0)
    )
    (image,) = images(opened(tmp_path, slices[::-1] if reverse else slices))
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    corners = [(1.5, 2.5), (1.5, 6.5), (5.5, 6.5), (5.5, 2.5)]  # column, row
    found = []
    for k in (1, 2, 3):
        origin = np.array([float(x) for x in slices[k].ImagePositionPatient])
        found.append(np.array([origin + i * row + j * column for i, j in corners]))
    mask, off = filled(image.grid, found)
    truth = np.zeros((5, 9, 8), bool)
    truth[1:4, 3:7, 2:6] = True
    assert off < 1e-6
    assert np.array_equal(mask, truth)
