"""Radiomics features as defined by the Image Biomarker Standardisation Initiative (IBSI)."""

from medvox.measurement.radiomics.discretize import Discretization
from medvox.measurement.radiomics.extract import FAMILIES, Feature, RadiomicsSettings, radiomics
from medvox.measurement.radiomics.texture import Aggregation

__all__ = ["FAMILIES", "Aggregation", "Discretization", "Feature", "RadiomicsSettings", "radiomics"]
