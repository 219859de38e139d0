"""NIfTI-1 and NIfTI-2."""

from medvox.formats.nifti.format import NiftiFormat

__all__ = ["NiftiFormat"]
