"""Philips PAR/REC and XML/REC, read only."""

from medvox.formats.parrec.format import ParRecFormat

__all__ = ["ParRecFormat"]
