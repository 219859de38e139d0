"""Sizes of masks with the uncertainty that sampling on voxels alone brings."""
