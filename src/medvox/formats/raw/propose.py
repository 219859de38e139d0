"""Which sizes and type make an image of a raw file: proposals, the likeliest first.

Nothing is opened by a proposal; it is looked at by the user. The order of steps:

1. *Type.* In images, neighbors are alike. Read with the wrong width or byte order, they are not: the low
   byte of a number is noise beside the high one. For each type: the mean difference of neighbors beside that
   of values far apart.
2. *Columns.* The autocorrelation of the values has its highest peak, after the one at 0, at one row.
3. *Rows.* Differences at whole rows have a minimum where one slice has passed: the next is like it.
4. *Slices and offset.* What is left over after whole slices lies before the first (a header).
5. *Order.* By the differences along columns, rows and slices; usual sizes and headers come first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError
from medvox.core.progress import Progress, silent, track
from medvox.formats.files import read_bytes, size_of
from medvox.formats.raw.description import RawDescription

AnyArray = NDArray[Any]
COMMON = frozenset(
    (
        64, 72, 80, 84, 88, 90, 91, 96, 100, 109, 112, 120, 128, 140, 144, 150, 152, 160, 168, 170, 176, 180,
        181, 182, 184, 190, 192, 193, 200, 208, 210, 217, 218, 220, 224, 229, 230, 231, 232, 240, 250, 256,
        260, 264, 272, 280, 288, 300, 304, 312, 320, 336, 340, 344, 352, 360, 368, 384, 400, 416, 432, 440,
        448, 460, 464, 480, 500, 512, 520, 528, 544, 560, 576, 600, 608, 640, 672, 704, 720, 768, 800, 832,
        864, 880, 896, 900, 960, 1000, 1024, 1080, 1152, 1200, 1280, 1344, 1440, 1500, 1536, 1600, 1792,
        1920, 2000, 2048, 2500, 3000, 3072, 3328, 4000, 4096,
    )
)  # fmt: skip
"""Sizes of matrices that scanners and cameras make."""
HEADERS = frozenset((0, 54, 128, 132, 256, 348, 352, 512, 1024, 2048, 4096, 8192, 16384))
"""Lengths of headers that are often met."""
_SAMPLE_BYTES = 1 << 24
_MOST_HEADER, _SHORT_HEADER = 1 << 14, 1 << 10
_LEAST_COLUMNS, _MOST_COLUMNS = 8, 4096
_LEAST_ROWS = 8
_PAIRS = 100_000
_RUNS, _RUN = 100, 64
"""Places that rows are compared at: runs of neighbors, spread over the file."""
_LIKE_NEIGHBORS = 0.75
"""Neighbors that differ more than this part of what values far apart do make no image."""
_ALIKE = 0.97
"""Neighbors of the right type are not less alike than the next but one, times this."""
_CLEARLY = 1.1
_ORDERS: tuple[Literal["<", ">"], ...] = ("<", ">")


@dataclass(frozen=True, slots=True)
class Proposal:
    """One way to read the file.

    Parameters
    ----------
    description
        Sizes, type, byte order and offset.
    roughness
        Mean difference of neighbors along columns, rows and slices beside that of values far apart: 0 for one
        value everywhere, about 1 for noise.
    rank
        Roughness, made smaller for usual sizes and headers: what proposals are sorted by.
    """

    description: RawDescription
    roughness: float
    rank: float

    @property
    def words(self) -> str:
        """The proposal in the words of ``--raw``."""
        d = self.description
        sizes = " ".join(
            f"{n}={d.sizes[n]}" for n in ("columns", "rows", "slices", "channels") if n in d.sizes
        )
        order = f" order={d.byte_order}" if d.dtype.itemsize > 1 else ""
        return f"{sizes} type={d.type}{order} offset={d.offset_bytes}"


def propose(path: Path, most: int = 8, progress: Progress = silent) -> tuple[Proposal, ...]:
    """Propose how to read a raw file.

    Parameters
    ----------
    most
        How many proposals at most.

    Returns
    -------
    tuple of Proposal
        The likeliest first; none where nothing looks like an image.

    Raises
    ------
    FormatError
        If the file is too small to hold a picture.
    """
    size = size_of(path)
    if size < 256:
        raise FormatError("the file is too small to propose sizes for", where=path, got=f"{size} bytes")
    start = max(min(_MOST_HEADER, size // 8), (size - _SAMPLE_BYTES) // 2)
    raw = np.frombuffer(read_bytes(path, start, _SAMPLE_BYTES), np.uint8)
    found: dict[str, Proposal] = {}
    for reading in track(_readings(raw, (size - start) % 8), progress, "Looking at types"):
        for proposal in _shapes(reading, size):
            known = found.get(proposal.words)
            if known is None or known.rank > proposal.rank:
                found[proposal.words] = proposal
    return tuple(sorted(found.values(), key=lambda p: p.rank)[:most])


# -- types ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """The middle of the file read as one type.

    Parameters
    ----------
    values
        float32, a pixel each, within their usual range.
    apart
        Mean difference of values taken at random.
    steps
        Mean difference of neighbors, without regard to any range.
    """

    type: str
    order: str
    values: AnyArray
    apart: float
    steps: float
    channels: int = 1

    @property
    def itemsize(self) -> int:
        """Bytes of a pixel."""
        return np.dtype(self.type).itemsize * self.channels

    def roughness(self, lag: int) -> float:
        """Mean difference at a lag, beside that of values taken at random."""
        if not 0 < lag < len(self.values):
            return 1.0
        every = len(self.values) // (1 << 18) | 1  # odd: it meets every byte of wider values
        steps = np.abs(self.values[lag::every] - self.values[: len(self.values) - lag : every])
        return float(steps.mean(dtype=np.float64)) / self.apart


def _readings(raw: AnyArray, from_end: int) -> list[_Reading]:
    """Types whose neighbors are alike; values are counted from the end of the file, whatever the header.

    The narrowest type that fits well is the right one: two smooth numbers side by side make a smooth wider
    one. Where none fits well (noise), all that fit are taken.
    """
    found: list[_Reading] = []
    for names in (("uint8",), ("int16", "uint16"), ("float32",), ("int32",), ("float64",)):
        width = np.dtype(names[0]).itemsize
        part = raw[from_end % width :]
        every = [_reading(part, name, order) for name in names for order in _ORDERS[: min(width, 2)]]
        fitting = [reading for reading in every if reading is not None and _growth(reading) > _ALIKE]
        found += _likely(fitting) if fitting else []
        if any(_growth(reading) > _CLEARLY for reading in found):
            break
    return found


def _growth(reading: _Reading) -> float:
    """How much more the next but one differ than neighbors; 0 where neighbors are not alike at all."""
    near = reading.roughness(1)
    return min(reading.roughness(2), reading.roughness(4)) / near if 0 < near < _LIKE_NEIGHBORS else 0.0


def _likely(readings: list[_Reading]) -> list[_Reading]:
    """Drop the signs and byte orders that explain the same bytes worse.

    A wrong sign makes steps over the whole range; where nothing tells signs apart they are taken. A wrong
    byte order makes neighbors differ; where all values are small, it only makes all of them larger.
    """
    signed: list[_Reading] = []
    for order in _ORDERS:
        kin = [reading for reading in readings if reading.order == order]
        least = min((reading.steps for reading in kin), default=0.0)
        kin = [reading for reading in kin if reading.steps <= 1.03 * least]
        signed += [reading for reading in kin if reading.type != "uint16"] or kin
    smooth = min(reading.roughness(1) for reading in signed)
    left = [reading for reading in signed if reading.roughness(1) <= 1.1 * smooth]
    least = min(reading.steps for reading in left)
    return [reading for reading in left if reading.steps <= 1.03 * least]


def _reading(raw: AnyArray, name: str, order: Literal["<", ">"]) -> _Reading | None:
    dtype = np.dtype(name).newbyteorder(order)
    stored = raw[: len(raw) // dtype.itemsize * dtype.itemsize].view(dtype)
    with np.errstate(all="ignore"):
        values = stored.astype(np.float32)
    if dtype.kind == "f":
        size = np.abs(values)
        odd = ~np.isfinite(values) | (size > 1e12) | ((size < 1e-12) & (size > 0))
        if odd.mean() > 0.01:
            return None
        values[odd] = 0
    steps = float(np.abs(np.diff(values)).mean(dtype=np.float64))
    low, high = np.percentile(values[:: max(1, len(values) // _PAIRS)], (0.5, 99.5))
    if not high > low:
        low, high = float(values.min()), float(values.max())
    np.clip(values, low, high, out=values)
    reading = _Reading(name, order, values, _apart(values), steps)
    if reading.apart <= 0:
        return None
    if name == "uint8" and reading.roughness(3) < 0.7 * reading.roughness(1):
        pixels = values[len(values) % 3 :].reshape(-1, 3).mean(axis=1)
        return _Reading(name, order, pixels, _apart(pixels), steps, channels=3)
    return reading


def _apart(values: AnyArray) -> float:
    picks = np.random.default_rng(1).integers(0, len(values), (2, _PAIRS))
    return float(np.abs(values[picks[0]] - values[picks[1]]).mean(dtype=np.float64))


# -- shapes ---------------------------------------------------------------------------------------


def _shapes(reading: _Reading, size: int) -> Iterator[Proposal]:
    for columns in _columns(reading.values):
        line = columns * reading.itemsize
        near = [r + n for r in _rows(reading, columns) for n in (0, -2, -1, 1, 2)]
        every = [
            *(r for n, r in enumerate(near) if n % 5 == 0 or size % (r * line) <= _MOST_HEADER),
            size // line,
        ]
        every += [(size - header) // line for header in sorted(HEADERS) if (size - header) % line == 0]
        for rows in dict.fromkeys(every):
            slices = size // (rows * line) if rows > 0 else 0
            if slices > 0:
                yield _proposal(reading, (columns, rows, slices), size - slices * rows * line)


def _columns(values: AnyArray) -> list[int]:
    """Lags of the highest peaks of the autocorrelation, and their halves and thirds that are peaks too."""
    middle = values[max(0, len(values) // 2 - (1 << 17)) :][: 1 << 18]
    count = len(middle)
    most = min(_MOST_COLUMNS, count // 3)
    padded = 1 << int(np.ceil(np.log2(2 * count)))
    spectrum = np.fft.rfft(middle - middle.mean(dtype=np.float64), padded)
    together = np.fft.irfft(np.abs(spectrum) ** 2, padded)[: most + 2]
    if most <= _LEAST_COLUMNS + 1 or together[0] <= 0:
        return []
    together /= np.arange(count, count - most - 2, -1)
    together /= together[0]
    lags = np.arange(_LEAST_COLUMNS, most)
    peaks = lags[(together[lags] >= together[lags - 1]) & (together[lags] > together[lags + 1])]
    height = np.array([together[n] - together[n - n // 4 : n + n // 4].min() for n in peaks])
    good = [int(peaks[n]) for n in np.argsort(-(height + together[peaks]))[:6] if height[n] > 0.02]
    parts = [lag // n for lag in good for n in (2, 3) if lag % n == 0 and lag // n in set(peaks.tolist())]
    return list(dict.fromkeys([*good, *parts]))


def _rows(reading: _Reading, columns: int) -> list[int]:
    """Numbers of rows after which the picture is like it was: one slice has passed."""
    values = reading.values
    most = min(_MOST_COLUMNS, len(values) * 3 // 5 // columns)
    if most <= _LEAST_ROWS + 2:
        return []
    room = len(values) - most * columns
    if room <= _RUNS * _RUN:
        places = np.arange(room)
    else:
        starts = np.random.default_rng(2).integers(0, room - _RUN, _RUNS)
        places = (starts[:, None] + np.arange(_RUN)).ravel()
    here = values[places]
    apart = np.array([np.abs(values[places + m * columns] - here).mean() for m in range(1, most)])
    found = []
    for m in range(_LEAST_ROWS, most - 1):
        near = apart[max(0, m - 3 - m // 8) : m + 2 + m // 8]
        around = apart[m // 2 : m + m // 2]
        if apart[m - 1] == near.min() and apart[m - 1] < 0.97 * np.median(around):
            found.append(m)
    best = sorted(found, key=lambda m: apart[m - 1])[:4]
    return [_refined(reading, columns, m) for m in best]


def _refined(reading: _Reading, columns: int, rows: int) -> int:
    """Look at the neighbors of a number of rows in all of the sample."""
    rough = {r: reading.roughness(columns * r) for r in (rows - 1, rows, rows + 1)}
    best = min(rough, key=lambda r: rough[r])
    return best if rough[best] < 0.97 * rough[rows] else rows


def _proposal(reading: _Reading, sizes: tuple[int, int, int], offset: int) -> Proposal:
    columns, rows, slices = sizes
    along = [reading.roughness(1), reading.roughness(columns)]
    along.append(reading.roughness(columns * rows) if slices > 1 else max(along))
    rough = sum(along) / 3
    tall = max(rows / columns, columns / rows)
    rank = rough * (1.5 if slices == 1 else 1.0) * max(1.0, tall / 2)
    rank *= 0.92 if columns in COMMON else 1.0
    rank *= 0.92 if rows in COMMON else 1.0
    rank *= 0.9 if rows == columns else 1.0
    first = 0.6 if slices == 1 else 0.8  # a header of one slice cannot be told from its rows
    usual = first if offset == 0 else 0.85 if offset in HEADERS else 0.9
    rank *= usual if offset in HEADERS or offset <= _SHORT_HEADER else 1.0
    named = {"columns": columns, "rows": rows, "slices": slices}
    named |= {"channels": reading.channels} if reading.channels > 1 else {}
    order = "little" if reading.order == "<" else "big"
    known: dict[str, Any] = {**named, "type": reading.type, "byte_order": order, "offset_bytes": offset}
    return Proposal(RawDescription.of(known, "a proposal"), rough, rank)
