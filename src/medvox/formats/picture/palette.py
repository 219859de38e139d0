"""Colours by number: at most 256 of them, without loss where a picture has no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[Any]

_COLOURS = 256


@dataclass(frozen=True, slots=True, eq=False)
class Indexed:
    """A picture as numbers of colours.

    Parameters
    ----------
    numbers
        (rows, columns) uint8.
    table
        (256, 3) uint8. A table of greys alone means a grey picture: one of colours ends in red where it
        has room.
    deviation
        How far the colours are from those of the picture, at most.
    """

    numbers: AnyArray
    table: AnyArray
    deviation: int = 0


def indexed(picture: AnyArray) -> Indexed:
    """Number the colours of a picture, (rows, columns) grey or (rows, columns, 3) RGB, uint8."""
    if picture.ndim == 2:
        return Indexed(picture, np.repeat(np.arange(_COLOURS, dtype=np.uint8)[:, None], 3, axis=1))
    red, green, blue = (picture[..., n].astype(np.uint32) for n in range(3))
    colours, numbers = np.unique(red << 16 | green << 8 | blue, return_inverse=True)
    found = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], -1).astype(np.uint8)
    table = np.tile(np.array([255, 0, 0], np.uint8), (_COLOURS, 1))
    if len(found) <= _COLOURS:
        table[: len(found)] = found
        return Indexed(numbers.reshape(picture.shape[:2]).astype(np.uint8), table)
    boxes = _median_cut(found, np.bincount(numbers.ravel()))
    means = np.zeros((_COLOURS, 3))
    for n in range(_COLOURS):
        if (inside := found[boxes == n]).size:
            means[n] = inside.mean(axis=0)
    table = np.rint(means).astype(np.uint8)
    deviation = int(np.abs(found.astype(np.int16) - table[boxes]).max())
    return Indexed(boxes[numbers].reshape(picture.shape[:2]).astype(np.uint8), table, deviation)


def _median_cut(colours: AnyArray, counts: AnyArray) -> AnyArray:
    """Sort colours into 256 boxes, always halving the one of largest side and count (Heckbert 1982)."""
    boxes = np.zeros(len(colours), np.int64)
    members = [np.arange(len(colours))]
    scores = [_score(colours, counts)]
    while len(members) < _COLOURS and max(scores) > 0:
        at = int(np.argmax(scores))
        inside = members[at]
        part = colours[inside].astype(np.int64)
        side = int(np.argmax(part.max(axis=0) - part.min(axis=0)))
        order = inside[np.argsort(part[:, side], kind="stable")]
        weight = np.cumsum(counts[order])
        half = min(max(int(np.searchsorted(weight, weight[-1] / 2)), 1), len(order) - 1)
        members[at], new = order[:half], order[half:]
        boxes[new] = len(members)
        members.append(new)
        scores[at] = _score(colours[members[at]], counts[members[at]])
        scores.append(_score(colours[new], counts[new]))
    return boxes


def _score(colours: AnyArray, counts: AnyArray) -> float:
    """Side of the box in colour space, weighted by how often its colours are met."""
    if len(colours) < 2:
        return 0.0
    sides = colours.max(axis=0).astype(int) - colours.min(axis=0)
    return float(sides.max()) * float(np.sqrt(counts.sum()))
