"""What a series probably is in BIDS: from its axes and facts first, else from its description.

Nothing is proposed where neither settles it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from medvox.workflows.bids.entities import label

_FEW_VOLUMES = 10
"""Fewer EPI volumes that name their phase encoding are taken to correct distortion, not as a run of fMRI."""
_ANATOMY = (
    ("FLAIR", r"flair|dark.?fluid"),
    ("T2starw", r"t2.?\*|t2.?star|t2s(?![a-z])"),
    ("T2w", r"(?<![a-z0-9])t2"),
    ("T1w", r"(?<![a-z0-9])t1|mp.?rage|bravo|fspgr|(?<![a-z])tfl"),
    ("PDw", r"(?<![a-z0-9])pd(?![a-z])|proton.?dens"),
)
_LOCALIZER = r"locali[sz]er|scout|survey|three.?plane|(?<![a-z])loc(?![a-z])"
_PHASE_ENCODING = (
    r"(?<![A-Za-z])(?:PE|dir)[=_\- ]?(AP|PA|LR|RL|SI|IS)(?![A-Za-z])|(?<![A-Za-z])(AP|PA)(?![A-Za-z])"
)
_EPI = r"epi(?![a-z])|bold|fmri|rest|task|func"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One image, as rules see it.

    Parameters
    ----------
    description
        Series description.
    number
        Series number.
    axes
        Names of the axes before k.
    volumes
        Number of volumes.
    facts
        Fields of the sidecar, dcm2niix's keys and units.
    """

    description: str
    number: int | None
    axes: tuple[str, ...]
    volumes: int
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed; an empty data type means: leave it out."""

    datatype: str
    suffix: str
    reason: str
    entities: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()


def propose(found: Candidate) -> Proposal | None:
    """Propose what an image is; None where neither header nor description settles it."""
    text = f"{found.description} {found.facts.get('ProtocolName', '')}".lower()
    types = [str(word).upper() for word in found.facts.get("ImageType", ())]
    if found.facts.get("Modality") != "MR":
        return Proposal("pet", "pet", "Modality PT") if found.facts.get("Modality") == "PT" else None
    if re.search(_LOCALIZER, text) or "LOCALIZER" in types:
        return Proposal("", "", "a localizer")
    if "DERIVED" in types:
        return None
    if found.axes == ("diffusion",):
        return Proposal("dwi", "dwi", "volumes of several b-values", _direction(found))
    return _echo_planar(found, text) if _is_epi(found, text) else _anatomical(found, text, types)


def _is_epi(found: Candidate, text: str) -> bool:
    sequence = f"{found.facts.get('ScanningSequence', '')}\\{found.facts.get('SequenceName', '')}".lower()
    return re.search(r"(^|\\)ep(\\|$)|epfid|epse|epi", sequence) is not None or (
        found.axes == ("time",) and re.search(_EPI, text) is not None
    )


def _echo_planar(found: Candidate, text: str) -> Proposal | None:
    direction = _direction(found)
    if "sbref" in text:
        return Proposal("func", "sbref", "a single-band reference", {"task": _task(found.description)})
    if direction and found.volumes <= _FEW_VOLUMES:
        return Proposal("fmap", "epi", "few EPI volumes that name their phase encoding", direction)
    if found.axes == ("time",):
        return Proposal("func", "bold", "EPI over time", {"task": _task(found.description)} | direction)
    return None


def _direction(found: Candidate) -> dict[str, str]:
    """Entity dir, where description or protocol names the phase encoding."""
    for text in (found.description, str(found.facts.get("ProtocolName", ""))):
        if named := re.search(_PHASE_ENCODING, text):
            return {"dir": next(group for group in named.groups() if group)}
    return {}


def _task(description: str) -> str:
    """Label of the task: what follows "task", "rest" where that is named, else the description."""
    if named := re.search(r"task[-_= ]?([A-Za-z0-9]+)", description, re.IGNORECASE):
        return label(named[1])
    return "rest" if re.search(r"rest", description, re.IGNORECASE) else label(description) or "unknown"


def _anatomical(found: Candidate, text: str, types: list[str]) -> Proposal | None:
    if found.axes or "P" in types or "PHASE" in types or "FIELD_MAP" in types:
        return None
    for suffix, pattern in _ANATOMY:
        if re.search(pattern, text):
            return Proposal("anat", suffix, f"the description says {suffix}", words=("ORIGINAL",))
    return None
