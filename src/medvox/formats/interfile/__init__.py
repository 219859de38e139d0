"""Interfile 3.3, with the dialects of STIR and (X)MedCon."""

from medvox.formats.interfile.format import InterfileFormat

__all__ = ["InterfileFormat"]
