"""All steps of the family "segment"; importing this module registers them."""

from medvox.segmentation.masks import (
    combine,
    fill_holes,
    hollow,
    islands,
    margin,
    mask_volume,
    morphology,
    smooth,
)
from medvox.segmentation.threshold import hysteresis, otsu, threshold

__all__ = [
    "combine",
    "fill_holes",
    "hollow",
    "hysteresis",
    "islands",
    "margin",
    "mask_volume",
    "morphology",
    "otsu",
    "smooth",
    "threshold",
]
