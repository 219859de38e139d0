"""Which stored images make one volume: by orientation, kind and echo, then over one more axis."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from medvox.core.axes import B_VALUE, PHASE, TIME
from medvox.formats.parrec.frames import Frame

LABEL, REPEAT = "label", "repeat"
"""Axes of arterial spin labeling, and of images that nothing in the header tells apart (diffusion before
version 4.1 has no numbers of directions: its axis is that of the b-values all the same)."""

_KEYS: Mapping[str, Callable[[Frame], tuple[object, ...]]] = {
    B_VALUE: lambda f: (f.b_number, f.gradient_number),
    TIME: lambda f: (f.dynamic,),
    PHASE: lambda f: (f.phase,),
    LABEL: lambda f: (f.label,),
}


@dataclass(frozen=True, slots=True)
class Stack:
    """Frames of one volume.

    Parameters
    ----------
    positions
        Frames of each position along `axis`, each by slice number; one position where there is no axis.
    axis
        Name of the axis before k, or empty.
    facts
        What tells the stack from its siblings.
    incomplete
        Whether these are slices of a position that lacks some.
    """

    positions: tuple[tuple[Frame, ...], ...]
    axis: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    incomplete: bool = False

    @property
    def frames(self) -> tuple[Frame, ...]:
        """All frames, position after position."""
        return tuple(frame for position in self.positions for frame in position)


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A frame, and which of the frames that nothing tells apart it is."""

    frame: Frame
    repeat: int


def make_stacks(frames: Sequence[Frame]) -> tuple[Stack, ...]:
    """Sort frames into stacks.

    Images of different orientation, angulation, size, type, scanning sequence or echo are stacks of their
    own. Of what else varies (diffusion, dynamics, cardiac phases, labels) the axis with most positions
    becomes the axis before k; the others tell stacks apart. A position that lacks slices is kept apart.
    """
    groups: dict[tuple[object, ...], list[_Numbered]] = defaultdict(list)
    seen: Counter[tuple[object, ...]] = Counter()
    for frame in frames:
        apart = (frame.slice, _apart(frame), *(key(frame) for key in _KEYS.values()))
        groups[_apart(frame)].append(_Numbered(frame, seen[apart]))
        seen[apart] += 1
    named = [
        name for name, _ in _FACTS if len({fact(f) for f in frames for n, fact in _FACTS if n == name}) > 1
    ]
    stacks: list[Stack] = []
    for members in groups.values():
        facts = tuple((name, fact(members[0].frame)) for name, fact in _FACTS if name in named)
        stacks += [replace(s, facts=(*facts, *s.facts)) for s in _over_one_axis(members)]
    return tuple(stacks)


def _apart(f: Frame) -> tuple[object, ...]:
    """What no volume may mix."""
    angles = tuple(round(a, 1) for a in f.angulation_deg)
    size = (f.columns, f.rows, f.bits, f.spacing_mm)
    return (f.plane, angles, size, f.image_type, f.sequence, f.echo)


_FACTS: tuple[tuple[str, Callable[[Frame], str]], ...] = (
    ("plane", lambda f: f.plane or ""),
    ("angulation_deg", lambda f: "/".join(f"{round(a, 1) + 0.0:g}" for a in f.angulation_deg)),
    ("image_type", lambda f: f.image_type),
    ("sequence", lambda f: f.sequence),
    ("echo_number", lambda f: str(f.echo)),
    ("size", lambda f: f"{f.columns} x {f.rows}"),
)


def _over_one_axis(members: Sequence[_Numbered]) -> list[Stack]:
    counts = {name: len({_value(m, name) for m in members}) for name in (*_KEYS, REPEAT)}
    axis = max(counts, key=lambda name: counts[name])
    others = [name for name in counts if name != axis and counts[name] > 1]
    if counts[axis] == 1:
        axis = ""
    parts: dict[tuple[_Value, ...], list[_Numbered]] = defaultdict(list)
    for member in members:
        parts[tuple(_value(member, name) for name in others)].append(member)
    stacks = []
    for values in sorted(parts):
        facts = tuple(
            (name, " ".join(word.lstrip("0") for word in value))
            for name, value in zip(others, values, strict=True)
        )
        stacks += [replace(s, facts=facts + s.facts) for s in _complete(parts[values], axis)]
    return stacks


_Value = tuple[str, ...]


def _value(member: _Numbered, axis: str) -> _Value:
    """Place along an axis, as text that sorts as the numbers do."""
    if not axis:
        return ()
    numbers = (member.repeat,) if axis == REPEAT else _KEYS[axis](member.frame)
    return tuple(f"{n:08}" if isinstance(n, int) else str(n) for n in numbers)


def _complete(members: Sequence[_Numbered], axis: str) -> list[Stack]:
    """Positions that have all slices as one stack; those that lack some each as their own."""
    found: dict[_Value, list[Frame]] = defaultdict(list)
    for member in members:
        found[_value(member, axis)].append(member.frame)
    slices = {m.frame.slice for m in members}
    whole: list[tuple[Frame, ...]] = []
    parts: list[tuple[Frame, ...]] = []
    for value in sorted(found):
        frames = tuple(sorted(found[value], key=lambda f: f.slice))
        (whole if len(frames) == len(slices) else parts).append(frames)
    if axis == REPEAT and any(m.frame.b_value for m in members):
        axis = B_VALUE
    stacks = [Stack(tuple(whole), axis if len(whole) > 1 else "")] if whole else []
    return stacks + [
        Stack((frames,), "", (("incomplete", f"{len(frames)} slices"),), True) for frames in parts
    ]
