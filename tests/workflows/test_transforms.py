"""Transforms in files, read by SimpleITK and by us."""

from __future__ import annotations

import numpy as np
import pytest

from medvox.core.errors import FormatError, MissingError, UnsupportedError
from medvox.core.transform import AffineTransform
from medvox.workflows.transforms import read_transform, write_transform

TRUE = AffineTransform.rotation((1, 2, 3), 20, (4, 5, 6)).then(AffineTransform.translation((7, 8, -9)))


@pytest.mark.parametrize("name", ["t.tfm", "t.h5", "t.txt", "t.mat"])
def test_what_is_written_is_read_back(tmp_path, name):
    write_transform(TRUE, tmp_path / name)
    np.testing.assert_allclose(read_transform(tmp_path / name).matrix, TRUE.matrix, atol=1e-12)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["t.tfm", "t.h5"])
def test_simple_itk_maps_points_the_same_way(tmp_path, name):
    sitk = pytest.importorskip("SimpleITK")
    write_transform(TRUE, tmp_path / name)
    theirs = sitk.ReadTransform(str(tmp_path / name))
    for point in ((0.0, 0.0, 0.0), (10.0, -20.0, 30.0)):
        np.testing.assert_allclose(theirs.TransformPoint(point), TRUE.apply(point), atol=1e-9)


def test_what_is_no_transform_is_told(tmp_path):
    with pytest.raises(UnsupportedError, match="tfm"):
        write_transform(TRUE, tmp_path / "t.xyz")
    with pytest.raises(MissingError):
        read_transform(tmp_path / "t.h5")
    for name in ("t.h5", "t.mat"):
        (tmp_path / name).write_text("nonsense")
        with pytest.raises(FormatError):
            read_transform(tmp_path / name)
