"""Pictures from volumes: windows, slices, projections, volume rendering."""

from __future__ import annotations

from medvox.core.notebook import register_painter
from medvox.core.volume import Volume


def paint_for_notebook(thing: object) -> bytes | None:
    """PNG of a volume's middle slice for its notebook repr; None for anything else."""
    if not isinstance(thing, Volume):
        return None
    from medvox.rendering.thumbnail import preview

    return preview(thing, 256).png_bytes()


register_painter(paint_for_notebook)
