"""VTK images: .vti (XML ImageData) and legacy .vtk (STRUCTURED_POINTS)."""

from medvox.formats.vtk_image.legacy import VtkFormat
from medvox.formats.vtk_image.vti import VtiFormat

__all__ = ["VtiFormat", "VtkFormat"]
