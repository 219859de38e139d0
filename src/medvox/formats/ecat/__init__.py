"""ECAT 7 images, of CTI and Siemens PET scanners."""

from medvox.formats.ecat.format import EcatFormat

__all__ = ["EcatFormat"]
