"""The NRRD header: fields, key/value pairs, axes and the space (teem's "Definition of NRRD File Format")."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, TIME, reverse_index_order
from medvox.core.errors import FormatError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.formats.files import read_bytes
from medvox.formats.text_header import MOST_HEADER, flat_affine, grid_or_pixels, numbers, sizes, whole

FloatArray = NDArray[np.float64]

MAGIC = b"NRRD000"
_ALIASES = {
    "centerings": "centers", "spacing": "spacings", "axismins": "axis mins", "axismaxs": "axis maxs",
    "datafile": "data file", "blocksize": "block size", "lineskip": "line skip", "byteskip": "byte skip",
    "oldmin": "old min", "oldmax": "old max", "sampleunits": "sample units", "spaceunits": "space units",
}  # fmt: skip
_SPACES = {
    "right-anterior-superior": "RAS", "left-anterior-superior": "LAS", "left-posterior-superior": "LPS",
    "scanner-xyz": "scanner", "3d-right-handed": "local", "3d-left-handed": "local",
}  # fmt: skip
_SHORT = {"ras": "RAS", "las": "LAS", "lps": "LPS", "rast": "RAS", "last": "LAS", "lpst": "LPS"}
_TO_LPS = {"RAS": (-1, -1, 1), "LAS": (1, -1, 1), "LPS": (1, 1, 1), "scanner": (1, 1, 1), "local": (1, 1, 1)}
_MM = {"": 1.0, "mm": 1.0, "um": 1e-3, "µm": 1e-3, "microns": 1e-3, "cm": 10.0, "m": 1000.0, "nm": 1e-6}
_SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6}
_SPATIAL_KINDS = {"domain", "space"}
_LIST_KINDS = {"list", "point", "???", "none", "stub", "scalar", ""}


@dataclass(frozen=True, slots=True)
class NrrdHeader:
    """One header.

    Parameters
    ----------
    path
        The file.
    fields
        Fields by their small-letter names.
    pairs
        Key/value pairs.
    start
        First byte behind the header.
    """

    path: Path
    fields: dict[str, str]
    pairs: dict[str, str]
    start: int

    def need(self, name: str) -> str:
        """Return a field that must be there.

        Raises
        ------
        FormatError
            If it is not.
        """
        if name not in self.fields:
            raise FormatError(f"the header has no field '{name}'", where=self.path)
        return self.fields[name]

    def number(self, name: str, default: int = 0) -> int:
        """Return a whole number, or the default where the field is missing."""
        return whole(self.fields[name], name, self.path) if name in self.fields else default

    def words(self, name: str, count: int) -> list[str]:
        """Return one word an axis, empty where the field is missing; quotes are taken off."""
        if name not in self.fields:
            return [""] * count
        found = [
            quoted if bare == "" else bare
            for quoted, bare in re.findall(r'"([^"]*)"|(\S+)', self.fields[name])
        ]
        if len(found) != count:
            raise FormatError(f"{name} has the wrong length", where=self.path, got=len(found), expected=count)
        return found

    @property
    def sizes(self) -> list[int]:
        """Sizes of the axes, the fastest first."""
        count = whole(self.need("dimension"), "dimension", self.path)
        if not 1 <= count <= 16:
            raise FormatError("dimension is out of range", where=self.path, got=count, expected="1 to 16")
        return sizes(self.need("sizes"), count, "sizes", self.path)


def parse(path: Path) -> NrrdHeader:
    """Read the header of a file.

    Raises
    ------
    FormatError
        If it is none, or has lines that make no sense.
    """
    raw = read_bytes(path, 0, MOST_HEADER)
    if not raw.startswith(MAGIC):
        raise FormatError("no NRRD header", where=path, expected="NRRD000 and a version")
    fields: dict[str, str] = {}
    pairs: dict[str, str] = {}
    at = raw.find(b"\n") + 1 or len(raw)
    while at < len(raw):
        end = raw.find(b"\n", at)
        end = len(raw) if end < 0 else end
        line = raw[at:end].decode("utf-8", "replace").rstrip("\r")
        at = end + 1
        if not line:
            break
        if line.startswith("#"):
            continue
        _take(line, fields, pairs, path)
        if fields.get("data file", "").upper().startswith("LIST"):
            break
    return NrrdHeader(path, fields, pairs, at)


def _take(line: str, fields: dict[str, str], pairs: dict[str, str], path: Path) -> None:
    match = re.match(r"^([^:]+?):(=| |$)(.*)$", line)
    if match is None:
        raise FormatError("a line of the header is neither field nor pair", where=path, got=line[:40])
    name, sign, value = match.groups()
    if sign == "=":
        pairs[name] = value
    else:
        name = name.strip().lower()
        fields[_ALIASES.get(name, name)] = value.strip()


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis, in the file's order.

    Parameters
    ----------
    name
        ``"i"``, ``"j"``, ``"k"``, ``"time"``, ``"channel"``, ``"list"`` …
    size
        Number of samples.
    kind
        The NRRD kind in small letters.
    start_s, step_s
        For time axes that say it, else NaN.
    """

    name: str
    size: int
    kind: str
    start_s: float = math.nan
    step_s: float = math.nan


def vectors(header: NrrdHeader, count: int) -> list[FloatArray | None]:
    """Space directions, None for axes without."""
    text = header.fields.get("space directions")
    if text is None:
        return [None] * count
    parts = re.findall(r"\([^)]*\)|none", text)
    if len(parts) != count:
        raise FormatError(
            "space directions has the wrong length", where=header.path, got=len(parts), expected=count
        )
    return [None if part == "none" else vector(part, "space directions", header.path) for part in parts]


def vector(text: str, field: str, path: Path) -> FloatArray:
    """Read ``(1,2,3)``."""
    return np.array(numbers(text.strip("() ").replace(",", " "), None, field, path))


def axes(header: NrrdHeader) -> list[Axis]:
    """Name the axes: those with a direction (or of kind domain) are i, j, k; the others by their kind.

    Raises
    ------
    UnsupportedError
        If there are not two or three axes in space.
    """
    extent = header.sizes
    count = len(extent)
    kinds = [kind.lower() for kind in header.words("kinds", count)]
    spatial = _spatial(header, kinds, count)
    if len(spatial) not in (2, 3):
        raise UnsupportedError("NRRD needs two or three axes in space", where=header.path, got=len(spatial))
    units = header.words("units", count)
    named: list[Axis] = []
    letters = iter("ijk")
    for n in range(count):
        if n in spatial:
            named.append(Axis(next(letters), extent[n], kinds[n]))
        else:
            taken = [axis.name for axis in named]
            name = _unique(_name(kinds[n], units[n]), taken)
            named.append(Axis(name, extent[n], kinds[n], *_time(header, n, count, units[n], name)))
    return named


def _spatial(header: NrrdHeader, kinds: list[str], count: int) -> list[int]:
    directions = vectors(header, count)
    if any(d is not None for d in directions):
        found = [n for n, d in enumerate(directions) if d is not None]
    elif any(kind in _SPATIAL_KINDS for kind in kinds):
        found = [n for n, kind in enumerate(kinds) if kind in _SPATIAL_KINDS]
    else:
        found = [n for n, kind in enumerate(kinds) if kind in _LIST_KINDS - {"list"}]
    return found[:3]


def _name(kind: str, unit: str) -> str:
    if kind == "time" or unit.lower() in _SECONDS.keys() - {""}:
        return TIME
    if kind in _LIST_KINDS:
        return "list"
    return TIME if kind in _SPATIAL_KINDS else CHANNEL


def _unique(name: str, taken: list[str]) -> str:
    return next(n for n in (name, *(f"{name}{number}" for number in range(2, 20))) if n not in taken)


def _time(header: NrrdHeader, n: int, count: int, unit: str, name: str) -> tuple[float, float]:
    direction = vectors(header, count)[n]
    if name != TIME or unit.lower() not in _SECONDS:
        return math.nan, math.nan
    if direction is not None and len(direction) == 4:
        origin = vector(header.fields.get("space origin", "(0,0,0,0)"), "space origin", header.path)
        return (float(origin[3]) if len(origin) == 4 else 0.0), float(direction[3])
    if "spacings" not in header.fields:
        return math.nan, math.nan
    scale = _SECONDS[unit.lower()]
    step = numbers(header.fields["spacings"], count, "spacings", header.path)[n] * scale
    start = 0.0
    if "axis mins" in header.fields:
        start = numbers(header.fields["axis mins"], count, "axis mins", header.path)[n] * scale
    return (0.0 if math.isnan(start) else start), step


def grid(header: NrrdHeader, named: list[Axis]) -> tuple[Grid, tuple[Finding, ...]]:
    """Make the grid: space directions and origin turned to LPS mm, else spacings, else pixels."""
    spatial = [n for n, axis in enumerate(named) if axis.name in ("i", "j", "k")]
    extent = [named[n].size for n in spatial] + [1] * (3 - len(spatial))
    shape = (extent[2], extent[1], extent[0])
    count = len(named)
    directions = [d for d in (vectors(header, count)[n] for n in spatial) if d is not None]
    where = str(header.path)
    if len(directions) == len(spatial):
        return _in_space(header, shape, directions)
    spacings = [math.nan] * count
    if "spacings" in header.fields:
        spacings = numbers(header.fields["spacings"], count, "spacings", header.path)
    steps = np.array([spacings[n] for n in spatial])
    if np.isnan(steps).all():
        note = Finding("no-spacing", Level.WARNING, where, "no spacing is given: distances are in pixels")
        return Grid.pixels(shape), (note,)
    units = [unit.lower() for unit in header.words("units", count)]
    steps = steps * [_MM.get(units[n], 1.0) for n in spatial]
    matrix = reverse_index_order(np.diag([*steps, *[1.0] * (4 - len(steps))]))
    made, findings = grid_or_pixels(shape, matrix, Space.LOCAL, header.path)
    note = Finding("no-geometry", Level.INFO, where, "spacings alone: the place in the patient is not known")
    return made, findings or (note,)


def _in_space(
    header: NrrdHeader, shape: tuple[int, int, int], directions: list[FloatArray]
) -> tuple[Grid, tuple[Finding, ...]]:
    width = len(directions[0])
    if any(len(d) != width for d in directions) or not 2 <= width <= 4:
        raise FormatError("space directions differ in length", where=header.path)
    origin = np.zeros(width)
    if "space origin" in header.fields:
        origin = vector(header.fields["space origin"], "space origin", header.path)
    if len(origin) != width:
        raise FormatError("space origin has the wrong length", where=header.path, got=len(origin))
    space, findings = _space(header, width)
    scale = _scale(header, width)
    ijk = np.zeros((3, 3))
    for n, direction in enumerate(directions):
        ijk[: min(width, 3), n] = (direction * scale)[:3]
    start = np.zeros(3)
    start[: min(width, 3)] = (origin * scale)[:3]
    flip = np.array(_TO_LPS[space])
    ijk, start = ijk * flip[:, None], start * flip
    if len(directions) == 2:
        matrix = flat_affine(ijk[:, 0], ijk[:, 1], start)
    else:
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = ijk[:, ::-1], start
    known = Space.LOCAL if space == "local" or width == 2 else Space.PATIENT
    made, faults = grid_or_pixels(shape, matrix + 0.0, known, header.path)
    return made, (*findings, *faults)


def _space(header: NrrdHeader, width: int) -> tuple[str, tuple[Finding, ...]]:
    text = header.fields.get("space", "").lower()
    name = _SHORT.get(text) or _SPACES.get(text.removesuffix("-time"))
    where = str(header.path)
    if name == "scanner":
        note = "space is scanner-xyz: taken as LPS, which holds for a patient head first, supine"
        return name, (Finding("geometry-assumed", Level.WARNING, where, note, "NRRD space"),)
    if name is not None:
        return name, ()
    if text:
        raise UnsupportedError("the space is not known", where=header.path, got=text[:40])
    if width == 4:  # as ITK writes four-dimensional images
        note = "the space has no name: taken as LPS and time, as ITK writes it"
        return "LPS", (Finding("geometry-assumed", Level.INFO, where, note, "NRRD space"),)
    note = "the space has no name: the place in the patient is not known"
    return "local", (Finding("no-geometry", Level.INFO, where, note, "NRRD space"),)


def _scale(header: NrrdHeader, width: int) -> FloatArray:
    units = header.words("space units", width)
    scale = [_MM.get(unit.lower()) for unit in units[:3]]
    if None in scale:
        raise UnsupportedError("space units are not known", where=header.path, got=units)
    return np.array([*(s or 1.0 for s in scale), *[1.0] * (width - len(scale))])
