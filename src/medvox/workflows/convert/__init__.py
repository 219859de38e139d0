"""Convert from any format to any other: one image, or a whole folder."""

from medvox.workflows.convert.job import convert
from medvox.workflows.convert.options import ConvertOptions
from medvox.workflows.convert.report import Converted, ConvertReport, Kept, Skipped

__all__ = ["ConvertOptions", "ConvertReport", "Converted", "Kept", "Skipped", "convert"]
