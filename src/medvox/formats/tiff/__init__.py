"""TIFF."""

from medvox.formats.tiff.format import TiffFormat

__all__ = ["TiffFormat"]
