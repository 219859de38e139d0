"""The text header of Interfile: lines ``key [index] := value`` (Todd-Pokropek et al. 1992, version 3.3).

Keys are compared without regard to case, blanks, underscores and exclamation marks; ``;`` begins a
comment. STIR's lists (``{1, 2}``) are taken wherever numbers are.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from medvox.core.errors import FormatError, LimitError, TruncatedError
from medvox.core.study import HeaderElement
from medvox.formats.files import read_bytes
from medvox.formats.text_header import MOST_HEADER

START = re.compile(rb"(\xef\xbb\xbf)?\s*!?\s*INTERFILE\s*:=", re.IGNORECASE)
_INDEX = re.compile(r"\[\s*(\d{1,9})\s*\]")
_IDENTIFYING = ("patient", "studyid", "studydate", "studytime", "dob", "birth", "physician", "operator",
                "institution", "accession")  # fmt: skip
_HARMLESS = ("patientorientation", "patientrotation", "patientposition")
_ALIASES = {
    "scalefactor(mm/pixel)": "scalingfactor(mm/pixel)",
    "center-centersliceseparation(pixels)": "centre-centresliceseparation(pixels)",
    "%patientorientation": "patientorientation",
    "nud/rescaleslope": "rescaleslope",
    "nud/rescaleintercept": "rescaleintercept",
    "imagedurationtime(sec)": "imageduration(sec)",
}
_LARGEST = 1e18
_MOST = 1 << 40
"""No size, offset or count is larger: what is comes from a damaged header."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Parameters
    ----------
    key
        The key as it is compared, its index taken out.
    index
        Number in brackets, or None.
    value
        Text behind ``:=``, its comment taken off.
    written
        The key as it stands in the file.
    """

    key: str
    index: int | None
    value: str
    written: str


@dataclass(frozen=True, slots=True)
class InterfileHeader:
    """A header.

    Parameters
    ----------
    path
        The file.
    lines
        Its lines in order.
    """

    path: Path
    lines: tuple[Line, ...]

    def values(self, key: str) -> list[str]:
        """Every value of a key that is not empty, in file order, whatever the index."""
        wanted = _plain(key)
        return [line.value for line in self.lines if line.key == wanted and line.value]

    def indexed(self, key: str) -> dict[int, str]:
        """Values of a key by index; a line without an index counts as the first."""
        wanted = _plain(key)
        found = (line for line in self.lines if line.key == wanted and line.value)
        return {1 if line.index is None else line.index: line.value for line in found}

    def text(self, key: str, index: int = 1) -> str:
        """Last value of a key, or an empty text."""
        return self.indexed(key).get(index, "")

    def word(self, key: str, index: int = 1) -> str:
        """Return a value as it is compared with the standard's: small letters, no blanks or underscores."""
        return _plain(self.text(key, index))

    def number(self, key: str, index: int = 1) -> float | None:
        """Value as a number; None where it is not given.

        Raises
        ------
        FormatError
            If it is not a number.
        """
        text = self.text(key, index)
        return self.list_of(key, text, 1)[0] if text else None

    def count(self, key: str, index: int = 1) -> int | None:
        """Value as a whole number from 0; None where it is not given.

        Raises
        ------
        FormatError, LimitError
            If it is not, or absurd.
        """
        value = self.number(key, index)
        return None if value is None else self.whole(key, value)

    def size(self, key: str, index: int = 1) -> int | None:
        """Value as a whole number from 1; None where it is not given or 0."""
        return self.count(key, index) or None

    def whole(self, key: str, value: float) -> int:
        """Check that a value is a whole number from 0.

        Raises
        ------
        FormatError, LimitError
            If it is not, or absurd.
        """
        if not (value >= 0 and math.isfinite(value) and value == int(value)):
            raise FormatError(f"'{key}' is not a whole number from 0", where=self.path, got=value)
        if value > _MOST:
            raise LimitError(f"'{key}' is absurd", where=self.path, got=value)
        return int(value)

    def list_of(self, key: str, text: str, count: int | None = None) -> list[float]:
        """Read numbers, one or a list in braces; infinite and absurdly large ones become NaN.

        Raises
        ------
        FormatError
            If one is not a number, or there are not `count`.
        """
        words = text.strip().strip("{}").replace(",", " ").split()
        try:
            found = [value if abs(value) <= _LARGEST else math.nan for value in map(float, words)]
        except ValueError as error:
            raise FormatError(f"'{key}' is not made of numbers", where=self.path, got=text[:60]) from error
        if not found or (count is not None and len(found) != count):
            raise FormatError(
                f"'{key}' has the wrong length", where=self.path, got=len(found), expected=count
            )
        return found

    def elements(self) -> tuple[HeaderElement, ...]:
        """Every line, for the header browser; what may tell who the patient is is marked."""
        return tuple(
            HeaderElement(line.written, "text", "", line.value[:4000], identifying=_is_identifying(line))
            for line in self.lines
        )


def parse(path: Path) -> InterfileHeader:
    """Read the header of a file, up to its last line ``END OF INTERFILE``.

    Raises
    ------
    FormatError
        If the file does not begin with ``INTERFILE :=``.
    TruncatedError
        If the last line is missing: what else is missing cannot be known.
    """
    raw = read_bytes(path, 0, MOST_HEADER)
    if not START.match(raw):
        raise FormatError("no Interfile header", where=path, expected="a first line !INTERFILE :=")
    lines = []
    for row in raw.decode("utf-8", "replace").splitlines():
        key, sign, value = row.split(";", 1)[0].partition(":=")
        if not sign or not key.strip(" \t!\ufeff"):
            continue
        lines.append(_line(key, value))
        if lines[-1].key == "endofinterfile":
            return InterfileHeader(path, tuple(lines))
    raise TruncatedError(
        "the header ends early",
        where=path,
        expected="a last line !END OF INTERFILE :=",
        advice="Add the line if the header is complete",
    )


def _line(key: str, value: str) -> Line:
    match = _INDEX.search(key)
    plain = _plain(key if match is None else key[: match.start()] + key[match.end() :])
    index = None if match is None else int(match[1])
    return Line(_ALIASES.get(plain, plain), index, value.strip(), " ".join(key.split()))


@lru_cache(1024)
def _plain(text: str) -> str:
    return re.sub(r"[\s_!]+", "", text).lower()


def _is_identifying(line: Line) -> bool:
    named = any(word in line.key for word in _IDENTIFYING) and not line.key.startswith(_HARMLESS)
    return bool(line.value) and named
