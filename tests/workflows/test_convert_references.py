"""Conversion against dcm2niix's reference files: every one of the data sets, values and affine."""

import nibabel
import numpy as np
import pytest

from data import data_dir
from medvox.workflows.convert import ConvertOptions, convert

SETS = ("dcm_qa_nih", "dcm_qa_siemens_orientation", "dcm_qa_enh", "dcm_qa_philips", "dcm_qa_uih")


def best_match(reference, candidates):
    """Smallest (affine difference in mm, relative value difference) over files of the same shape."""
    truth = nibabel.load(reference)
    values = np.asanyarray(truth.dataobj).astype(float)
    found = []
    for path in candidates:
        ours = nibabel.load(path)
        if ours.shape == truth.shape:
            affine = np.abs(ours.affine - truth.affine).max()
            ratio = np.abs(np.asanyarray(ours.dataobj) - values).max() / np.abs(values).max()
            found.append((float(affine), float(ratio)))
    return min(found, key=sum)


@pytest.mark.parametrize("name", SETS)
def test_every_reference_is_met(name, tmp_path):
    folder = data_dir(name)
    report = convert(folder, tmp_path)
    assert not report.skipped
    written = [f for done in report.converted for f in done.files if f.name.endswith(".nii.gz")]
    references = sorted((folder / "Ref").glob("*.nii"))
    assert references
    for reference in references:
        affine, ratio = best_match(reference, written)
        assert affine < 1e-3, reference.name
        assert ratio < 1e-4, reference.name


def test_other_orders_put_every_voxel_at_the_same_place(tmp_path):
    folder = data_dir("dcm_qa_siemens_orientation")
    worlds = {}
    for order in ("dcm2niix", "stored", "ras"):
        report = convert(folder, tmp_path / order, ConvertOptions(order=order))
        path = next(f for f in report.converted[-1].files if f.name.endswith(".nii.gz"))
        canonical = nibabel.as_closest_canonical(nibabel.load(path))
        worlds[order] = (canonical.affine, np.asanyarray(canonical.dataobj))
    for order in ("stored", "ras"):
        assert np.allclose(worlds[order][0], worlds["dcm2niix"][0], atol=1e-3)
        assert np.array_equal(worlds[order][1], worlds["dcm2niix"][1])
