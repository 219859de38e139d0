"""Names of BIDS files: entities in their order, data types and suffixes (BIDS 1.10, "Entity table")."""

from __future__ import annotations

import re
from collections.abc import Mapping

from medvox.core.errors import UsageError

VERSION = "1.10.0"
ORDER = (
    "sub", "ses", "sample", "task", "tracksys", "acq", "nuc", "voi", "ce", "trc", "stain", "rec", "dir",
    "run", "mod", "echo", "flip", "inv", "mt", "part", "proc", "hemi", "space", "split", "recording", "chunk",
)  # fmt: skip
"""Entities in the order that names have them."""
NUMBERED = frozenset({"run", "echo", "flip", "inv", "split", "chunk"})
"""Entities whose value is a number."""
SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "anat": (
        "T1w", "T2w", "PDw", "T2starw", "FLAIR", "inplaneT1", "inplaneT2", "PDT2", "angio", "T1map", "T2map",
        "T2starmap", "R1map", "R2map", "R2starmap", "PDmap", "MTRmap", "MTsat", "UNIT1", "MP2RAGE", "MEGRE",
        "MESE", "VFA", "defacemask",
    ),
    "func": ("bold", "cbv", "sbref", "phase"),
    "dwi": ("dwi", "sbref"),
    "fmap": (
        "phasediff", "phase1", "phase2", "magnitude", "magnitude1", "magnitude2", "fieldmap", "epi", "m0scan",
        "TB1map", "RB1map",
    ),
    "perf": ("asl", "m0scan"),
    "pet": ("pet",),
}  # fmt: skip
"""Suffixes of images, by data type."""
_NOT_ALNUM = re.compile(r"[^A-Za-z0-9]+")


def label(text: str) -> str:
    """Make a label: letters and digits only, each word after the first with a capital.

    >>> label("finger tapping-2")
    'fingerTapping2'
    """
    words = [word for word in _NOT_ALNUM.split(text) if word]
    return "".join([*words[:1], *(word[0].upper() + word[1:] for word in words[1:])])


def check_name(datatype: str, suffix: str, entities: Mapping[str, str], where: str) -> None:
    """Check what a rule says.

    Raises
    ------
    UsageError
        If data type, suffix or an entity are not BIDS's.
    """
    if datatype not in SUFFIXES:
        raise UsageError("no such BIDS data type", where=where, got=datatype, expected=list(SUFFIXES))
    if suffix not in SUFFIXES[datatype]:
        raise UsageError(
            f"{datatype} has no such suffix", where=where, got=suffix, expected=list(SUFFIXES[datatype])
        )
    for name, value in entities.items():
        if name not in ORDER[2:]:
            raise UsageError("no such BIDS entity", where=where, got=name, expected=list(ORDER[2:]))
        if not re.fullmatch("[0-9]+" if name in NUMBERED else "[A-Za-z0-9]+", value):
            raise UsageError("a label is letters and digits, an index a number", where=where, got=value)
    if datatype == "func" and "task" not in entities:
        raise UsageError("functional images need the entity task", where=where)


def file_stem(entities: Mapping[str, str], suffix: str) -> str:
    """Name of a file without its ending, entities in BIDS's order."""
    parts = [f"{name}-{entities[name]}" for name in ORDER if name in entities]
    return "_".join([*parts, suffix])
