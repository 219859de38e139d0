"""All steps of the family "segment"; importing this module registers them."""

from medvox.segmentation.threshold import hysteresis, otsu, threshold

__all__ = ["hysteresis", "otsu", "threshold"]
