"""What stands in the corners of pictures: color bars, and a cube that shows the patient's directions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from medvox.core.volume import Window
from medvox.rendering.annotate import draw_text, text_size
from medvox.rendering.colormap import colormap
from medvox.rendering.picture import Picture
from medvox.rendering.scene import Camera

FACES = (
    ((1, 0, 0), "L"), ((-1, 0, 0), "R"), ((0, 1, 0), "P"), ((0, -1, 0), "A"),
    ((0, 0, 1), "H"), ((0, 0, -1), "F"),
)  # fmt: skip
"""LPS directions and their letters (PS3.3 C.7.6.1.1.1)."""


def with_color_bar(picture: Picture, window: Window, name: str = "gray", unit: str = "") -> Picture:
    """Return a copy with a bar of colors at the right, and the values at its ends."""
    pixels = picture.colour().copy()
    rows, columns = pixels.shape[:2]
    tall, wide = max(rows // 2, 8), max(columns // 40, 4)
    size = int(np.clip(min(rows, columns) // 32, 7, 14))
    top, left = (rows - tall) // 2, columns - 2 * wide
    shades = colormap(name)[np.linspace(255, 0, tall).astype(int)]
    pixels[top - 1 : top + tall + 1, left - 1 : left + wide + 1] = 90
    pixels[top : top + tall, left : left + wide] = shades[:, None]
    low, high = window.range
    suffix = f" {unit}" if unit not in ("", "1") else ""
    for value, y in ((high, top), (low, top + tall)):
        text = f"{value:.4g}{suffix if y == top else ''}"
        width, height = text_size(text, size)
        draw_text(pixels, text, (left - width - 4, y - height // 2), size)
    return replace(picture, pixels=pixels)


def with_cube(picture: Picture, camera: Camera) -> Picture:
    """Return a copy with a cube at the bottom left that is turned as the patient is, with letters."""
    pixels = picture.colour().copy()
    side = int(np.clip(min(pixels.shape[:2]) // 6, 24, 140))
    right, down, forward = camera.axes
    middle = np.array([side * 0.62, pixels.shape[0] - side * 0.62])
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    half = side / 3.4
    for direction, letter in FACES:
        normal = np.array(direction, dtype=float)
        facing = -float(normal @ forward)
        if facing <= 0.02:
            continue
        axes = [np.array(d, dtype=float) for d in np.eye(3) if abs(d @ normal) < 0.5]
        edges = np.array([[a @ right, a @ down] for a in axes]) * half
        center = middle + np.array([normal @ right, normal @ down]) * half
        share = np.stack([x - center[0], y - center[1]], axis=-1) @ np.linalg.inv(edges)
        inside = (np.abs(share) <= 1).all(axis=-1)
        rim = inside & (np.abs(share).max(axis=-1) > 0.93)
        pixels[inside] = np.array([96, 112, 140]) * (0.45 + 0.55 * facing)
        pixels[rim] = 30
        size = max(int(half * 0.8 * facing), 5)
        width, height = text_size(letter, size)
        draw_text(pixels, letter, (int(center[0] - width / 2), int(center[1] - height / 2)), size)
    return replace(picture, pixels=pixels)
