"""Volume rendering presets: which values are seen, in which color."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from medvox.core.errors import MissingError
from medvox.core.volume import Volume
from medvox.rendering.window import sample_values

Mode = Literal["composite", "mip"]
Scale = Literal["value", "relative"]
ColorPoint = tuple[float, float, float, float]
OpacityPoint = tuple[float, float]

RELATIVE_PERCENTILES = (1.0, 99.8)
"""Values at these percentiles are 0 and 1 of a ``"relative"`` scale."""


@dataclass(frozen=True, slots=True)
class VolumePreset:
    """How values become color and opacity in volume rendering.

    Parameters
    ----------
    name, label
        Name for commands and URLs; words for people.
    mode
        ``"composite"`` (light through a colored fog) or ``"mip"`` (maximum intensity projection).
    shade
        Whether surfaces are lit.
    scale
        ``"value"``: points are in the volume's unit; ``"relative"``: 0..1 of its value range.
    color
        (x, red, green, blue), 0..1, x ascending; linear in between, constant beyond.
    opacity
        (x, a): share of light that 1 mm of it holds back; like color.
    """

    name: str
    label: str
    mode: Mode
    shade: bool
    scale: Scale
    color: tuple[ColorPoint, ...]
    opacity: tuple[OpacityPoint, ...]


_GRAY: tuple[ColorPoint, ...] = ((0, 0, 0, 0), (1, 1, 1, 1))
_SOLID: tuple[OpacityPoint, ...] = ((0, 1), (1, 1))

_ALL = (
    VolumePreset(
        "ct-bone",
        "CT bone",
        "composite",
        True,
        "value",
        (
            (150, 0.62, 0.36, 0.26),
            (260, 0.85, 0.68, 0.52),
            (450, 0.93, 0.86, 0.74),
            (900, 0.98, 0.95, 0.88),
            (2000, 1.0, 1.0, 0.98),
        ),
        ((150, 0), (220, 0.04), (350, 0.45), (600, 0.85), (1500, 0.95)),
    ),
    VolumePreset(
        "ct-soft",
        "CT soft tissue",
        "composite",
        True,
        "value",
        (
            (-120, 0.86, 0.66, 0.46),
            (-20, 0.84, 0.52, 0.40),
            (40, 0.74, 0.30, 0.25),
            (110, 0.82, 0.38, 0.30),
            (200, 0.92, 0.78, 0.62),
            (500, 0.97, 0.93, 0.85),
            (1500, 1.0, 1.0, 0.98),
        ),
        (
            (-140, 0),
            (-100, 0.003),
            (-10, 0.006),
            (20, 0.05),
            (90, 0.09),
            (150, 0.15),
            (300, 0.5),
            (1000, 0.9),
        ),
    ),
    VolumePreset(
        "ct-lung",
        "CT lung",
        "composite",
        True,
        "value",
        (
            (-950, 0.35, 0.45, 0.65),
            (-800, 0.55, 0.62, 0.78),
            (-600, 0.85, 0.62, 0.55),
            (-350, 0.9, 0.5, 0.42),
            (300, 0.95, 0.9, 0.8),
        ),
        (
            (-980, 0),
            (-930, 0.004),
            (-850, 0.02),
            (-700, 0.06),
            (-550, 0.1),
            (-400, 0.05),
            (-250, 0),
            (250, 0),
            (400, 0.06),
            (1000, 0.2),
        ),
    ),
    VolumePreset(
        "ct-vessels",
        "CT vessels",
        "composite",
        True,
        "value",
        (
            (100, 0.55, 0.1, 0.08),
            (200, 0.82, 0.2, 0.14),
            (350, 0.95, 0.52, 0.36),
            (550, 0.97, 0.86, 0.72),
            (1200, 1.0, 0.98, 0.93),
        ),
        ((110, 0), (150, 0.05), (220, 0.35), (400, 0.6), (1000, 0.85)),
    ),
    VolumePreset(
        "ct-skin",
        "CT skin",
        "composite",
        True,
        "value",
        ((-500, 0.93, 0.74, 0.62), (-150, 0.9, 0.68, 0.55), (100, 0.8, 0.5, 0.42), (500, 1, 0.97, 0.9)),
        ((-520, 0), (-400, 0.2), (-250, 0.6), (0, 0.9)),
    ),
    VolumePreset(
        "mr-brain",
        "MR brain",
        "composite",
        True,
        "relative",
        (
            (0.1, 0.45, 0.32, 0.3),
            (0.3, 0.82, 0.66, 0.6),
            (0.5, 0.93, 0.81, 0.73),
            (0.75, 0.95, 0.9, 0.84),
            (1, 1, 0.99, 0.96),
        ),
        ((0.12, 0), (0.2, 0.02), (0.35, 0.25), (0.55, 0.55), (1, 0.8)),
    ),
    VolumePreset(
        "mr-angio",
        "MR angiography",
        "composite",
        True,
        "relative",
        ((0.4, 0.5, 0.08, 0.06), (0.7, 0.88, 0.28, 0.18), (1, 1, 0.75, 0.6)),
        ((0.45, 0), (0.6, 0.06), (0.8, 0.5), (1, 0.85)),
    ),
    VolumePreset(
        "ct-mip", "CT maximum intensity", "mip", False, "value", ((0, 0, 0, 0), (1400, 1, 1, 1)), _SOLID
    ),
    VolumePreset("mip", "Maximum intensity", "mip", False, "relative", _GRAY, _SOLID),
    VolumePreset(
        "pet-mip", "PET maximum intensity", "mip", False, "relative", ((0, 1, 1, 1), (1, 0, 0, 0)), _SOLID
    ),
    VolumePreset(
        "pet",
        "PET hot",
        "composite",
        False,
        "relative",
        (
            (0.03, 0.15, 0.1, 0.4),
            (0.2, 0.5, 0.05, 0.6),
            (0.45, 0.9, 0.2, 0.25),
            (0.7, 1, 0.65, 0.1),
            (1, 1, 1, 0.85),
        ),
        ((0.03, 0), (0.1, 0.004), (0.3, 0.02), (0.6, 0.12), (1, 0.5)),
    ),
    VolumePreset(
        "ultrasound",
        "Ultrasound",
        "composite",
        True,
        "relative",
        ((0.1, 0.25, 0.12, 0.06), (0.4, 0.75, 0.47, 0.27), (0.75, 0.96, 0.78, 0.56), (1, 1, 0.95, 0.85)),
        ((0.15, 0), (0.3, 0.03), (0.55, 0.2), (1, 0.7)),
    ),
    VolumePreset(
        "surface",
        "Surface",
        "composite",
        True,
        "relative",
        ((0.1, 0.72, 0.74, 0.78), (1, 0.95, 0.95, 0.93)),
        ((0.15, 0), (0.22, 0.2), (0.35, 0.8), (1, 0.95)),
    ),
)

PRESETS: Mapping[str, VolumePreset] = MappingProxyType({preset.name: preset for preset in _ALL})
"""All presets by name."""

_BY_MODALITY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "CT": ("ct-bone", "ct-soft", "ct-vessels", "ct-lung", "ct-skin", "ct-mip"),
        "MR": ("mr-brain", "mr-angio", "mip", "surface"),
        "PT": ("pet-mip", "pet", "mip"),
        "NM": ("pet-mip", "pet", "mip"),
        "US": ("ultrasound", "mip", "surface"),
    }
)
_VESSEL_WORDS = ("mra", "tof", "angio", "cta")


def volume_preset(name: str) -> VolumePreset:
    """Return a preset by name.

    Raises
    ------
    MissingError
        If there is none.
    """
    if name not in PRESETS:
        raise MissingError("no such volume preset", got=name, expected=tuple(PRESETS))
    return PRESETS[name]


def default_presets(volume: Volume) -> tuple[str, ...]:
    """Names of the presets that suit a volume, the best first; none for colour and single slices."""
    if volume.is_colour or min(volume.grid.shape) < 2:
        return ()
    modality = volume.modality or ""
    names = _BY_MODALITY.get(modality, ("surface", "mip"))
    if modality == "CT" and volume.unit != "HU":
        names = ("surface", "mip")
    words = volume.label.lower()
    if any(word in words for word in _VESSEL_WORDS):
        vessels = [n for n in names if n in ("mr-angio", "ct-vessels")]
        names = (*vessels, *(n for n in names if n not in vessels))
    return names


def relative_range(volume: Volume) -> tuple[float, float]:
    """Values that are 0 and 1 of a ``"relative"`` scale: 1st and 99.8th percentile of a few slices."""
    sample = sample_values(volume)
    if sample.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(sample, RELATIVE_PERCENTILES).tolist()
    return (low, high) if high > low else (low, max(float(sample.max()), low + 1e-6))
