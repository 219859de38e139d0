"""Lengths, angles and areas of points that a user has placed, and distances on and to a surface."""
