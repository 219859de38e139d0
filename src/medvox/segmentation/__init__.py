"""Segmentation: from voxels to labels. Arrays, volumes and label maps in and out, never files."""
