"""Transforms in files: ITK's .tfm and .h5, and FSL's and plain 4x4 matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medvox.core.errors import FormatError, MissingError, UnsupportedError
from medvox.core.transform import AffineTransform
from medvox.formats.atomic import atomic_file

ITK = (".tfm", ".txt", ".h5", ".hdf5")
MATRIX = (".mat",)


def write_transform(transform: AffineTransform, path: Path) -> None:
    """Write a transform; the file appears complete or not at all.

    Parameters
    ----------
    transform
        Maps LPS mm of the fixed image to LPS mm of the moving one, as ITK's files do.
    path
        ``.tfm``, ``.txt`` or ``.h5`` for ITK; ``.mat``: four rows of numbers, LPS mm.

    Raises
    ------
    UnsupportedError
        If the suffix is of no such file.
    WriteError
        If the system refuses.
    """
    suffix = _suffix(path)
    if suffix in MATRIX:
        with atomic_file(path) as file:
            np.savetxt(file, transform.matrix, fmt="%.17g")
        return
    import SimpleITK

    from medvox.interop.simpleitk_transforms import transform_to_simpleitk

    with atomic_file(path) as file:
        # the library names its format by the suffix
        written = Path(file.name).with_suffix(f".medvox{suffix}")
        try:
            SimpleITK.WriteTransform(transform_to_simpleitk(transform), str(written))
            file.write(written.read_bytes())
        finally:
            written.unlink(missing_ok=True)


def read_transform(path: Path) -> AffineTransform:
    """Read a linear transform, see `write_transform`.

    Raises
    ------
    MissingError
        If there is no such file.
    UnsupportedError
        If the suffix is of no such file, or the transform bends.
    FormatError
        If the file is not what its suffix says.
    """
    suffix = _suffix(path)
    if not path.is_file():
        raise MissingError("no such file", where=path)
    if suffix in MATRIX:
        try:
            return AffineTransform(np.loadtxt(path, ndmin=2))
        except ValueError as error:
            raise FormatError("the file does not hold four rows of four numbers", where=path) from error
    import SimpleITK

    from medvox.interop.simpleitk_transforms import transform_from_simpleitk

    try:
        read = SimpleITK.ReadTransform(str(path))
    except RuntimeError as error:
        raise FormatError("the file is no transform of ITK", where=path) from error
    return transform_from_simpleitk(read)


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in (*ITK, *MATRIX):
        raise UnsupportedError("no such file of transforms", where=path, got=suffix, expected=(*ITK, *MATRIX))
    return suffix
