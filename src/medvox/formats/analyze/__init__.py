"""Analyze 7.5, with the variants of SPM99 and SPM2."""

from medvox.formats.analyze.format import AnalyzeFormat

__all__ = ["AnalyzeFormat"]
