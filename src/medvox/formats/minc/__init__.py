"""MINC1 (netCDF) and MINC2 (HDF5)."""

from medvox.formats.minc.format import Minc1Format, Minc2Format

__all__ = ["Minc1Format", "Minc2Format"]
