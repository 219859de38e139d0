"""Surfaces: triangle models from voxels, outlines and points, and what is done to them."""
