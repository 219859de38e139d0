"""Attributes for analysis: a typed record of an image (`acquisition_of`), and plain keys for sidecars."""

from medvox.dicom.attributes.plain import analysis_attributes, attributes_of
from medvox.dicom.attributes.record import acquisition_of

__all__ = ["acquisition_of", "analysis_attributes", "attributes_of"]
