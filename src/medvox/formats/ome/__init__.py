"""OME-TIFF and OME-Zarr: the formats of the Open Microscopy Environment."""

from medvox.formats.ome.tiff import OmeTiffFormat
from medvox.formats.ome.zarr import OmeZarrFormat

__all__ = ["OmeTiffFormat", "OmeZarrFormat"]
