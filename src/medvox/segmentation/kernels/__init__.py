"""Compiled loops of the segmentation methods; imported only when one runs."""
