"""From the slices of a series to stacks: split what differs, prove what is a fourth axis.

The rule (DESIGN section 7): slices at one position are told apart by attributes. Attributes that name
different images (echo, phase, kernel …) split the series. What still repeats is a fourth axis only if
each distinct value of one candidate attribute (or pair) covers every position exactly once; an
incomplete last value is kept apart with a Finding; anything else is refused with the choices.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.finding import Finding, Level
from medvox.dicom.planes import by_plane, plane_word, positions
from medvox.dicom.planes import orientations as different_orientations
from medvox.dicom.slices import Slice

DIFFUSION = "diffusion"
TIME = "time"
ACQUISITION_TIME = "Acquisition Time"
HALF_DAY_S = 43_200


@dataclass(frozen=True, slots=True)
class Stack:
    """Slices that make one image.

    Parameters
    ----------
    slices
        In C order of `lead` and position, positions ascending along row × column.
    lead
        Number of volumes along the fourth axis; 1 where there is none.
    axis
        Name of the fourth axis, or empty.
    placed
        Whether the slices have positions in space.
    facts
        What tells this stack from others of its series.
    findings
        How it was split, and what is odd.
    ambiguous
        Ways to read it, where the header does not settle which; then it is no volume.
    """

    slices: tuple[Slice, ...]
    lead: int = 1
    axis: str = ""
    placed: bool = True
    facts: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    ambiguous: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of positions."""
        return len(self.slices) // self.lead


Key = Callable[[Slice], Hashable]

_SPLITTERS: tuple[tuple[str, str, Key], ...] = (
    ("component", "Complex Image Component", lambda s: s.facts.component),
    ("echo_time_ms", "Echo Time", lambda s: s.facts.echo_time_ms),
    ("image_type", "Image Type", lambda s: s.facts.image_type),
    ("echo_number", "Echo Number", lambda s: s.facts.echo_number),
    ("inversion_time_ms", "Inversion Time", lambda s: s.facts.inversion_time_ms),
    ("kernel", "Convolution Kernel", lambda s: s.facts.kernel),
    ("kvp", "KVP", lambda s: s.facts.kvp),
    ("flip_angle_deg", "Flip Angle", lambda s: s.facts.flip_angle_deg),
    ("stack_id", "Stack ID", lambda s: s.facts.stack_id),
)

_CANDIDATES: tuple[tuple[str, str, Key], ...] = (
    (DIFFUSION, "b-value and gradient", lambda s: _known(s.facts.b_value, s.facts.gradient)),
    (TIME, "Temporal Position", lambda s: s.facts.temporal_position),
    (DIFFUSION, "Philips numbers of b-value and gradient", lambda s: s.facts.diffusion_number or None),
    (TIME, "Trigger Time", lambda s: s.facts.trigger_time_ms),
    (TIME, "Acquisition Number", lambda s: s.facts.acquisition_number),
    (TIME, ACQUISITION_TIME, lambda s: s.facts.acquisition_time_s),
    (TIME, "Frame Reference Time", lambda s: s.facts.reference_time_ms),
    (TIME, "Dimension Index Values", lambda s: s.facts.dimension or None),
    (TIME, "Instance Number", lambda s: s.facts.instance_number),
)

_NAMING = 5
"""The first candidates name volumes; times of slices may differ within one."""
_PAIRS = ((0, 1), (0, 4), (1, 3), (1, 4), (3, 4))


def _known(first: Hashable, *others: Hashable) -> Hashable:
    return None if first is None else (first, *others)


def make_stacks(slices: Sequence[Slice], where: str) -> list[Stack]:
    """Split the slices of one series into stacks.

    Parameters
    ----------
    where
        Name of the series for findings.
    """
    placed = [s for s in slices if _has_place(s) and not s.cine]
    loose = [s for s in slices if not _has_place(s) or s.cine]
    groups = by_plane(placed)
    orientations = different_orientations(groups)
    notes: tuple[Finding, ...] = ()
    if orientations > 1:
        text = f"{orientations} orientations in one series: split"
        notes = (Finding("mixed-orientation", Level.INFO, where, text, "PS3.3 C.7.6.2.1.1"),)
    stacks = [
        stack
        for group in groups
        for stack in _resolve(group, where, (("plane", plane_word(group[0])),) if notes else ())
    ]
    stacks = [replace(s, findings=notes + s.findings) for s in stacks]
    return stacks + _loose_stacks(loose)


def _has_place(s: Slice) -> bool:
    return s.position_mm is not None and bool(s.orientation) and s.spacing_mm is not None


# -- splitting and proof ------------------------------------------------------------------------


def _resolve(group: list[Slice], where: str, facts: tuple[tuple[str, str], ...]) -> list[Stack]:
    numbers = positions(group)
    repeats = int(np.bincount(numbers).max())
    if repeats == 1:
        return [Stack(tuple(group[n] for n in np.argsort(numbers)), facts=facts)]
    for name, label, key in _SPLITTERS:
        parts = _part(group, key)
        if len(parts) > 1 and max(int(np.bincount(positions(p)).max()) for p in parts.values()) < repeats:
            values = ", ".join(_text(v) for v in parts)
            note = Finding("split-series", Level.INFO, where, f"Split by {label}: {values}")
            found = [
                stack
                for value, part in parts.items()
                for stack in _resolve(part, where, (*facts, (name, _text(value))))
            ]
            return [replace(s, findings=(note, *s.findings)) for s in found]
    return _fourth_axis(group, numbers, where, facts)


def _part(group: Sequence[Slice], key: Key) -> dict[Hashable, list[Slice]]:
    parts: dict[Hashable, list[Slice]] = defaultdict(list)
    for s in group:
        parts[key(s)].append(s)
    return dict(sorted(parts.items(), key=lambda item: (item[0] is None, str(type(item[0])), item[0])))


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "\\".join(_text(v) for v in value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if value not in (None, "") else "none"


def _fourth_axis(
    group: list[Slice], numbers: NDArray[np.intp], where: str, facts: tuple[tuple[str, str], ...]
) -> list[Stack]:
    count = int(numbers.max()) + 1
    tried = []
    for axis, label, key in (*_CANDIDATES, *_joint_candidates(), *_block_candidates(group, numbers, count)):
        values: list[Any] = [key(s) for s in group]
        if label == ACQUISITION_TIME:
            values = _unwrapped(values)
        distinct = len(set(values))
        if None in values or distinct < 2:
            continue
        blocks = _blocks(group, numbers, values, axis)
        verdict = _proof(blocks, count)
        if verdict is None:
            tried.append(f"{label} ({distinct} values)")
            continue
        return _proven(blocks, count, axis, label, where, facts, incomplete=verdict)
    choices = tuple(tried) or ("no attribute differs",)
    text = (
        f"{len(group)} slices at {count} positions, and no attribute covers each position exactly once; "
        f"tried: {', '.join(choices)}"
    )
    note = Finding("ambiguous-4d", Level.ERROR, where, text)
    order = sorted(group, key=lambda s: (s.facts.instance_number or 0, s.frame))
    return [Stack(tuple(order), placed=False, facts=facts, findings=(note,), ambiguous=choices)]


def _unwrapped(times: list[Any]) -> list[Any]:
    """Times of day in order of acquisition: a span of more than half a day ran over midnight."""
    if None in times or max(times) - min(times) <= HALF_DAY_S or max(times) >= 2 * HALF_DAY_S:
        return times
    return [t + 2 * HALF_DAY_S if t < HALF_DAY_S else t for t in times]


Block = list[tuple[int, Slice]]


def _blocks(
    group: Sequence[Slice], numbers: NDArray[np.intp], values: Sequence[Hashable], axis: str
) -> list[Block]:
    """Slices of each value with their position numbers, in the order of the axis."""
    found: dict[Hashable, Block] = defaultdict(list)
    for value, number, s in zip(values, numbers, group, strict=True):
        found[value].append((int(number), s))
    if axis == DIFFUSION:  # as acquired, not by size of b
        return sorted(
            found.values(), key=lambda b: min((s.facts.instance_number or 0, s.frame) for _, s in b)
        )
    return [block for _, block in sorted(found.items(), key=lambda item: item[0])]  # type: ignore[arg-type, return-value]


def _proof(blocks: Sequence[Block], count: int) -> bool | None:
    """None: not proven; else whether the last block is incomplete."""
    sizes = []
    for block in blocks:
        places = {number for number, _ in block}
        if len(places) != len(block):
            return None
        sizes.append(len(places))
    if any(size != count for size in sizes[:-1]):
        return None
    return sizes[-1] != count


def _proven(
    blocks: list[Block],
    count: int,
    axis: str,
    label: str,
    where: str,
    facts: tuple[tuple[str, str], ...],
    incomplete: bool,
) -> list[Stack]:
    whole = blocks[:-1] if incomplete else blocks
    ordered = tuple(s for block in whole for _, s in sorted(block, key=lambda item: item[0]))
    text = f"{len(whole)} volumes by {label}: each value covers the {count} positions exactly once"
    notes = [Finding("four-d", Level.INFO, where, text)]
    if not incomplete:
        return [Stack(ordered, len(whole), axis, facts=facts, findings=tuple(notes))]
    left = blocks[-1]
    text = f"The last value of {label} has {len(left)} of {count} slices: kept apart"
    note = Finding("incomplete-time-point", Level.WARNING, where, text)
    rest = tuple(s for _, s in sorted(left, key=lambda item: item[0]))
    part = Stack(rest, facts=(*facts, ("incomplete", f"{len(left)} of {count}")), findings=(note,))
    first = Stack(
        ordered,
        len(whole),
        axis if len(whole) > 1 else "",
        facts=facts,
        findings=(*notes, note) if len(whole) > 1 else (note,),
    )
    return [first, part]


def _joint_candidates() -> list[tuple[str, str, Key]]:
    found = []
    for first, second in _PAIRS:
        (axis, label, key), (_, other_label, other_key) = _CANDIDATES[first], _CANDIDATES[second]
        found.append((axis, f"{label} with {other_label}", _joined(key, other_key)))
    return found


def _joined(first: Key, second: Key) -> Key:
    def key(s: Slice) -> Hashable:
        values = first(s), second(s)
        return None if None in values else values

    return key


def _block_candidates(
    group: Sequence[Slice], numbers: NDArray[np.intp], count: int
) -> list[tuple[str, str, Key]]:
    """Runs of Instance (and frame) Number: one volume after the other, or one position after the other.

    A run that no attribute speaks against is left only: see `_contradicted`.
    """
    keys = [(s.facts.instance_number, s.frame) for s in group]
    if any(number is None for number, _ in keys) or len(set(keys)) != len(keys):
        return []
    order = sorted(range(len(group)), key=lambda n: keys[n])
    repeats = -(-len(group) // count)
    ranks = np.empty(len(group), dtype=np.intp)
    ranks[order] = np.arange(len(group))
    found = [(f"runs of {count} Instance Numbers", ranks // count)]
    if len(group) == count * repeats:
        found.append((f"every {repeats}th Instance Number", ranks % repeats))
    return [
        (TIME, label, _by_identity(group, runs.tolist()))
        for label, runs in found
        if not _contradicted(group, numbers, runs)
    ]


def _by_identity(group: Sequence[Slice], values: Sequence[int]) -> Key:
    known = {id(s): value for s, value in zip(group, values, strict=True)}
    return lambda s: known[id(s)]


def _contradicted(group: Sequence[Slice], numbers: NDArray[np.intp], runs: NDArray[np.intp]) -> bool:
    """Whether an attribute that names volumes cuts across runs: they would mix what it tells apart.

    A value may fill runs, or lie within one, or belong to positions alone; anything else is a contradiction.
    """
    for _, _, key in _CANDIDATES[:_NAMING]:
        values = [key(s) for s in group]
        if None in values:
            continue
        places: dict[int, set[Hashable]] = defaultdict(set)
        runs_of: dict[Hashable, set[int]] = defaultdict(set)
        values_in: dict[int, set[Hashable]] = defaultdict(set)
        for value, place, run in zip(values, numbers.tolist(), runs.tolist(), strict=True):
            places[place].add(value)
            runs_of[value].add(run)
            values_in[run].add(value)
        by_position = all(len(known) == 1 for known in places.values())
        mixed = any(len(values_in[r]) > 1 for known in runs_of.values() if len(known) > 1 for r in known)
        if mixed and not by_position:
            return True
    return False


# -- slices without a place -----------------------------------------------------------------------


def _loose_stacks(slices: Sequence[Slice]) -> list[Stack]:
    """One stack an instance: a picture, or the frames of a cine."""
    parts: dict[int, list[Slice]] = defaultdict(list)
    for s in slices:
        parts[id(s.header)].append(s)
    ordered = sorted(parts.values(), key=lambda p: p[0].facts.instance_number or 0)
    return [
        Stack(tuple(p), lead=len(p), axis=TIME if len(p) > 1 else "", placed=p[0].cine and _has_place(p[0]))
        for p in ordered
    ]
