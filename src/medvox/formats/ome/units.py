"""Units of OME: lengths to millimeters, times to seconds (OME schema 2016-06; NGFF 0.4 axes, UDUNITS-2)."""

from __future__ import annotations

_PREFIXES = {
    "Y": 1e24, "Z": 1e21, "E": 1e18, "P": 1e15, "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "h": 1e2, "da": 1e1,
    "": 1.0, "d": 1e-1, "c": 1e-2, "m": 1e-3, "µ": 1e-6, "μ": 1e-6, "u": 1e-6, "n": 1e-9, "p": 1e-12,
    "f": 1e-15, "a": 1e-18, "z": 1e-21, "y": 1e-24,
}  # fmt: skip
_WORDS = {
    "yotta": "Y", "zetta": "Z", "exa": "E", "peta": "P", "tera": "T", "giga": "G", "mega": "M", "kilo": "k",
    "hecto": "h", "deca": "da", "": "", "deci": "d", "centi": "c", "milli": "m", "micro": "µ", "nano": "n",
    "pico": "p", "femto": "f", "atto": "a", "zepto": "z", "yocto": "y",
}  # fmt: skip
_INCH_MM = 25.4
_LENGTHS = {
    "Å": 1e-7, "angstrom": 1e-7,
    "thou": _INCH_MM / 1000, "li": _INCH_MM / 12, "in": _INCH_MM, "inch": _INCH_MM,
    "ft": 304.8, "foot": 304.8, "yd": 914.4, "yard": 914.4, "mi": 1609344.0, "mile": 1609344.0,
    "pt": _INCH_MM / 72, "micron": 1e-3,
}  # fmt: skip
_TIMES = {"min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0, "d": 86400.0, "day": 86400.0}

MM: dict[str, float] = (
    {f"{prefix}m": 1000 * factor for prefix, factor in _PREFIXES.items()}
    | {f"{word}meter": 1000 * _PREFIXES[prefix] for word, prefix in _WORDS.items()}
    | {f"{word}metre": 1000 * _PREFIXES[prefix] for word, prefix in _WORDS.items()}
    | _LENGTHS
)
"""Millimeters of one unit of length; ``pixel`` and ``reference frame`` are none."""
SECONDS: dict[str, float] = (
    {f"{prefix}s": factor for prefix, factor in _PREFIXES.items()}
    | {f"{word}second": _PREFIXES[prefix] for word, prefix in _WORDS.items()}
    | _TIMES
)
"""Seconds of one unit of time."""
