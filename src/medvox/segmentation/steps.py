"""All steps of the family "segment"; importing this module registers them."""

from medvox.segmentation.between import fill_between_slices
from medvox.segmentation.classes import color_classes, texture_classes
from medvox.segmentation.ct import ct_airway, ct_body, ct_bone, ct_lungs, ct_skin
from medvox.segmentation.from_seeds import graph_cut, grow_from_seeds, random_walker, watershed
from medvox.segmentation.fusion import fuse
from medvox.segmentation.growing import grow, grow_confidence
from medvox.segmentation.level_sets import chan_vese, edge_contour, geodesic_contour
from medvox.segmentation.livewire import livewire
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
    "chan_vese",
    "color_classes",
    "combine",
    "ct_airway",
    "ct_body",
    "ct_bone",
    "ct_lungs",
    "ct_skin",
    "edge_contour",
    "fill_between_slices",
    "fill_holes",
    "fuse",
    "geodesic_contour",
    "graph_cut",
    "grow",
    "grow_confidence",
    "grow_from_seeds",
    "hollow",
    "hysteresis",
    "islands",
    "livewire",
    "margin",
    "mask_volume",
    "morphology",
    "otsu",
    "random_walker",
    "smooth",
    "texture_classes",
    "threshold",
    "watershed",
]
