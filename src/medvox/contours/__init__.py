"""Contours: outlines as first-class data, from voxels and back without loss of topology."""

from medvox.contours.assemble import assemble
from medvox.contours.fill import fill
from medvox.contours.simplify import simplify, smooth
from medvox.contours.trace import trace

__all__ = ["assemble", "fill", "simplify", "smooth", "trace"]
