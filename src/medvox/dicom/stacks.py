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
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.finding import Finding, Level
from medvox.dicom.slices import Slice

POSITION_TOLERANCE_MM = 0.05
ORIENTATION_TOLERANCE = 2e-3
DIFFUSION = "diffusion"
TIME = "time"


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
    (TIME, "Trigger Time", lambda s: s.facts.trigger_time_ms),
    (TIME, "Acquisition Number", lambda s: s.facts.acquisition_number),
    (TIME, "Acquisition Time", lambda s: s.facts.acquisition_time_s),
    (TIME, "Frame Reference Time", lambda s: s.facts.reference_time_ms),
    (TIME, "Dimension Index Values", lambda s: s.facts.dimension or None),
    (TIME, "Instance Number", lambda s: s.facts.instance_number),
)

_PAIRS = ((0, 1), (0, 3), (1, 2), (1, 3), (2, 3))


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
    groups = _by_plane(placed)
    orientations = {_plane_key(g[0])[1] for g in groups}
    notes: tuple[Finding, ...] = ()
    if len(orientations) > 1:
        text = f"{len(orientations)} orientations in one series: split"
        notes = (Finding("mixed-orientation", Level.INFO, where, text, "PS3.3 C.7.6.2.1.1"),)
    stacks = [stack for group in groups for stack in _resolve(group, where, ())]
    stacks = [replace(s, findings=notes + s.findings) for s in stacks]
    return stacks + _loose_stacks(loose)


def _has_place(s: Slice) -> bool:
    return s.position_mm is not None and bool(s.orientation) and s.spacing_mm is not None


# -- planes -----------------------------------------------------------------------------------


def _plane_key(s: Slice) -> tuple[Hashable, Hashable]:
    spacing = tuple(float(f"{x:.5g}") for x in s.spacing_mm or ())
    size = (s.rows, s.columns, s.header.integer(0x00280002) or 1, spacing)
    return size, tuple(round(x / ORIENTATION_TOLERANCE) for x in s.orientation)


def _by_plane(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Group slices of one size, spacing and orientation; nearly equal orientations join."""
    groups: list[tuple[Hashable, NDArray[np.float64], list[Slice]]] = []
    for s in slices:
        size, cosines = _plane_key(s)[0], np.asarray(s.orientation)
        for known_size, known, members in groups:
            if size == known_size and np.abs(known - cosines).max() <= ORIENTATION_TOLERANCE:
                members.append(s)
                break
        else:
            groups.append((size, cosines, [s]))
    return [members for _, _, members in groups]


def _positions(slices: Sequence[Slice]) -> NDArray[np.intp]:
    """Number of the position of each slice, ascending along row × column."""
    points = np.array([s.position_mm for s in slices], dtype=np.float64)
    first = slices[0]
    normal = np.cross(first.orientation[:3], first.orientation[3:])
    depths = points @ normal
    order = np.lexsort((points[:, 2], points[:, 1], points[:, 0], np.round(depths, 2)))
    order = order[np.argsort(depths[order], kind="stable")]
    tolerance = min(POSITION_TOLERANCE_MM, 0.1 * min(first.spacing_mm or (1.0,)))
    numbers = np.zeros(len(slices), dtype=np.intp)
    clusters: list[int] = []
    for n in order.tolist():
        depth = depths[n] - tolerance
        level = takewhile(lambda c, d=depth: depths[clusters[c]] >= d, reversed(range(len(clusters))))  # type: ignore[misc]
        same = next((c for c in level if np.abs(points[n] - points[clusters[c]]).max() <= tolerance), None)
        if same is None:
            same = len(clusters)
            clusters.append(n)
        numbers[n] = same
    return numbers


# -- splitting and proof ------------------------------------------------------------------------


def _resolve(group: list[Slice], where: str, facts: tuple[tuple[str, str], ...]) -> list[Stack]:
    numbers = _positions(group)
    repeats = int(np.bincount(numbers).max())
    if repeats == 1:
        return [Stack(tuple(group[n] for n in np.argsort(numbers)), facts=facts)]
    for name, label, key in _SPLITTERS:
        parts = _part(group, key)
        if len(parts) > 1 and max(int(np.bincount(_positions(p)).max()) for p in parts.values()) < repeats:
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
        values = [key(s) for s in group]
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
    """Runs of Instance Number: one volume after the other, or one position after the other."""
    order = sorted(range(len(group)), key=lambda n: group[n].facts.instance_number or 0)
    values = [group[n].facts.instance_number for n in order]
    if None in values or len(set(values)) != len(values):
        return []
    rank = {id(group[n]): place for place, n in enumerate(order)}
    repeats = -(-len(group) // count)
    by_volume: Key = lambda s: rank[id(s)] // count  # noqa: E731
    by_position: Key = lambda s: rank[id(s)] % repeats  # noqa: E731
    found = [(TIME, f"runs of {count} Instance Numbers", by_volume)]
    if len(group) == count * repeats:
        found.append((TIME, f"every {repeats}th Instance Number", by_position))
    return found


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
