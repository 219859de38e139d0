"""Small pictures for lists, and the first picture shown of a volume."""

from __future__ import annotations

from collections.abc import Sequence

from medvox.core.volume import Volume
from medvox.rendering.picture import Picture
from medvox.rendering.resize import shrink
from medvox.rendering.reslice import slab, slice_image


def thumbnail(volume: Volume, size: int = 160) -> Picture:
    """Picture of the middle stored slice, its longer side at most `size` pixels, in the default window.

    Of a lazy volume that slice alone is read.
    """
    return preview(volume, size)


def preview(volume: Volume, size: int = 768, lead: Sequence[int] | None = None) -> Picture:
    """Like `thumbnail`, larger.

    Parameters
    ----------
    lead
        Position along `volume.lead_axes`; None: the middle.
    """
    k = volume.grid.shape[0] // 2
    at = tuple(n // 2 for n in volume.lead_shape) if lead is None else tuple(lead)
    return shrink(slice_image(slab(volume, at, k, k + 1), "stored", 0), size)
