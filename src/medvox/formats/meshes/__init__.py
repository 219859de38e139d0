"""Mesh files, by the ending of their name; coordinates are LPS mm unless the format fixes another unit."""

from medvox.formats.meshes.registry import ENDINGS, READABLE, read, write

__all__ = ["ENDINGS", "READABLE", "read", "write"]
