"""TIFF."""

import logging

from medvox.formats.tiff.format import TiffFormat

__all__ = ["TiffFormat"]

# What is wrong with a file is told as an error or a finding. Without a handler Python prints tifffile's log
# to the standard error stream, line after line for a damaged file.
logging.getLogger("tifffile").addHandler(logging.NullHandler())
