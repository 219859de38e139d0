"""Outline files: rings, curves and points as other programs exchange them, without pixels."""
