"""One volume in many orders of voxels: the same values at the same places."""

import itertools

import nibabel
import numpy as np
import pytest

from data import data_dir
from medvox.workflows.open_folder import scan


def at_places(volume):
    """Values over patient space, in an order that does not depend on that of the voxels."""
    grid = volume.grid
    axes = [int(np.abs(column).argmax()) for column in grid.affine[:3, :3].T]  # the LPS axis of k, j and i
    order = [axes.index(axis) for axis in (2, 1, 0)]
    values = np.transpose(volume.values(), order)
    signs = [np.sign(grid.affine[axes[n], n]) for n in order]
    window = tuple(slice(None, None, int(sign)) for sign in signs)
    corners = grid.corners_mm()
    return values[window], np.min(corners, axis=0), np.max(corners, axis=0), np.array(grid.spacing_mm)[order]


def assert_same(first, second):
    assert np.array_equal(first[0], second[0])
    for ours, theirs in zip(first[1:], second[1:], strict=True):
        assert np.allclose(ours, theirs, atol=1e-3)


def test_fourteen_orders_of_one_volume_are_one_volume_in_the_patient():
    files = sorted((data_dir("niivue_orientation_test") / "nifti_space").glob("*.nii.gz"))
    assert len(files) == 14
    volumes = {file: scan(file).image().volume() for file in files}
    places = {file: at_places(volume) for file, volume in volumes.items()}
    for file, found in places.items():
        assert_same(found, places[files[0]])
        # nibabel's letters of the file's matrix; ours name where an axis runs to, in LPS order k, j, i
        letters = "".join(nibabel.aff2axcodes(nibabel.load(file).affine))
        assert volumes[file].grid.letters == letters[::-1]
    assert len({volume.grid.letters for volume in volumes.values()}) == 14


ORDERS = [
    (axes, flips)
    for axes in itertools.permutations(range(3))
    for flips in itertools.product((1, -1), repeat=3)
]


@pytest.mark.parametrize(("axes", "flips"), ORDERS)
def test_every_order_of_a_built_volume_is_one_volume_in_the_patient(tmp_path, axes, flips):
    values = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)
    affine = np.array([[2.0, 0, 0, -10], [0, 3, 0, 20], [0, 0, 4, 5], [0, 0, 0, 1]])
    turned = nibabel.orientations.inv_ornt_aff(
        np.array(list(zip(axes, flips, strict=True)), float), values.shape
    )
    moved = nibabel.orientations.apply_orientation(
        values, np.array(list(zip(axes, flips, strict=True)), float)
    )
    nibabel.Nifti1Image(values, affine).to_filename(tmp_path / "a.nii")
    nibabel.Nifti1Image(moved, affine @ turned).to_filename(tmp_path / "b.nii")
    first, second = (scan(tmp_path / name).image().volume() for name in ("a.nii", "b.nii"))
    assert_same(at_places(first), at_places(second))
