"""The header of an instance as lines, for the header browser and `medvox info --header`."""

from medvox.dicom.header_lines.lines import header_lines

__all__ = ["header_lines"]
