"""Agreement of two segmentations: counts, distances of their boundaries, lesions found and missed."""

from medvox.measurement.overlap.agreement import Empty, Overlap, compare, compare_labels
from medvox.measurement.overlap.boundary import Boundary, BoundaryDistances, boundary_distances
from medvox.measurement.overlap.lesions import LesionAgreement, compare_lesions

__all__ = [
    "Boundary",
    "BoundaryDistances",
    "Empty",
    "LesionAgreement",
    "Overlap",
    "boundary_distances",
    "compare",
    "compare_labels",
    "compare_lesions",
]
