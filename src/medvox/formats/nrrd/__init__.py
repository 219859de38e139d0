"""NRRD."""

from medvox.formats.nrrd.format import NrrdFormat

__all__ = ["NrrdFormat"]
