"""Transfer functions as JSON text: a preset of one's own."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

from medvox.core.errors import FormatError
from medvox.rendering.presets import VolumePreset


def preset_from_json(text: str, name: str = "own") -> VolumePreset:
    """Read a preset.

    Parameters
    ----------
    text
        ``{"scale": "value", "shade": true, "color": [[value, red, green, blue], ...], "opacity": [[value,
        share], ...]}``; colors and shares are 0..1, values ascend, a share is what 1 mm holds back.

    Raises
    ------
    FormatError
        If it is not such a document.
    """
    try:
        found: dict[str, Any] = json.loads(text)
        color = tuple((float(v), float(r), float(g), float(b)) for v, r, g, b in found["color"])
        opacity = tuple((float(v), float(a)) for v, a in found["opacity"])
        scale, shade = found.get("scale", "value"), found.get("shade", True)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(
            "this is no transfer function", where=name, got=type(error).__name__,
            expected='{"color": [[value, r, g, b], ...], "opacity": [[value, share], ...]}',
        ) from error  # fmt: skip
    rows = (*color, *opacity)
    if len(color) < 1 or len(opacity) < 2 or not all(math.isfinite(n) for row in rows for n in row):
        raise FormatError("a transfer function needs finite points, two of opacity", where=name)
    if any(not 0 <= n <= 1 for row in rows for n in row[1:]):
        raise FormatError("colors and shares of a transfer function are 0 to 1", where=name)
    if scale not in ("value", "relative") or not isinstance(shade, bool):
        raise FormatError("scale is value or relative, shade true or false", where=name, got=(scale, shade))
    for points in (color, opacity):
        if any(a[0] > b[0] for a, b in itertools.pairwise(points)):
            raise FormatError("values of a transfer function ascend", where=name)
    return VolumePreset(name, str(found.get("label", name)), "composite", shade, scale, color, opacity)


def preset_to_json(preset: VolumePreset) -> str:
    """Write a preset, so that it can be changed and read again."""
    return json.dumps(
        {
            "label": preset.label, "scale": preset.scale, "shade": preset.shade,
            "color": preset.color, "opacity": preset.opacity,
        },
        indent=2,
    )  # fmt: skip
