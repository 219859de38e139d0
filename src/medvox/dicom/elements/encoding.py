"""Encoding: how a data set is written, as its bytes show, beside what the file says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from medvox.core.finding import Finding, Level
from medvox.dicom.elements import walk

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95")
GE_BIG_ENDIAN_PIXELS = "1.2.840.113619.5.2"
"""GE's private one: implicit little-endian elements, big-endian pixel data."""
_NATIVE = (
    IMPLICIT_LITTLE_ENDIAN,
    EXPLICIT_LITTLE_ENDIAN,
    EXPLICIT_BIG_ENDIAN,
    GE_BIG_ENDIAN_PIXELS,
    DEFLATED[0],
)
_WORDS = {
    IMPLICIT_LITTLE_ENDIAN: "implicit little endian",
    EXPLICIT_LITTLE_ENDIAN: "explicit little endian",
    EXPLICIT_BIG_ENDIAN: "explicit big endian",
}


@dataclass(frozen=True, slots=True)
class PixelSpan:
    """Where the pixel data are.

    Parameters
    ----------
    offset
        Offset of the first byte of the value in the file; in a deflated file, in what `Header.open`
        returns.
    length
        Bytes of the value that are there; -1: undefined length, the pixel data are encapsulated (PS3.5
        A.4) and begin with the item of the basic offset table.
    tag
        (7FE0,0010) Pixel Data, (7FE0,0008) Float or (7FE0,0009) Double Float Pixel Data.
    vr
        As stated, empty in implicit VR.
    """

    offset: int
    length: int
    tag: int
    vr: str


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the data set of a file is encoded, as found from its bytes.

    Parameters
    ----------
    implicit
        Implicit VR.
    big_endian
        Big-endian elements.
    start
        Offset of the data set in the file.
    deflated
        The data set is deflated.
    """

    implicit: bool
    big_endian: bool
    start: int
    deflated: bool = False

    def plain_syntax(self) -> str:
        """UID of the transfer syntax that has this encoding and no compression (PS3.5 A.1 - A.3)."""
        if self.big_endian:
            return EXPLICIT_BIG_ENDIAN
        return IMPLICIT_LITTLE_ENDIAN if self.implicit else EXPLICIT_LITTLE_ENDIAN


def encoding_of(state: Sequence[int], deflated: bool) -> Encoding:
    """Return the encoding that a walk has found."""
    return _encoding(state[walk.IMPLICIT] == 1, state[walk.BIG] == 1, state[walk.DATA_START], deflated)


_encoding = lru_cache(1024)(Encoding)  # files of a series have the same


def span_of(state: Sequence[int], name: str) -> tuple[PixelSpan, tuple[Finding, ...]]:
    """Return the pixel span that a walk has found, no longer than the file."""
    offset, length = state[walk.PIXEL_OFFSET], state[walk.PIXEL_LENGTH]
    findings: tuple[Finding, ...] = ()
    there = state[walk.SIZE] - offset
    if length > there:
        text = f"the pixel data have {length} bytes by their header, but the file ends after {there} of them"
        findings = (Finding("truncated-pixel-data", Level.ERROR, name, text, "PS3.5 7.1.1"),)
        length = there
    return PixelSpan(offset, length, state[walk.PIXEL_TAG], vr_text(state[walk.PIXEL_VR])), findings


def vr_text(code: int) -> str:
    """Two letters of a VR; empty for 0."""
    return chr(code >> 8) + chr(code & 0xFF) if code else ""


def settle_syntax(
    stated: str, encoding: Encoding, pixel: PixelSpan | None, name: str
) -> tuple[str, tuple[Finding, ...]]:
    """Settle the transfer syntax from what the file says and what its bytes show.

    Parameters
    ----------
    stated
        Transfer Syntax UID (0002,0010), or empty.

    Returns
    -------
    transfer_syntax
        The one stated where the bytes do not speak against it. Of a compressed one, the codec is believed.
    findings
        ``wrong-transfer-syntax`` where they do.
    """
    plain = encoding.plain_syntax()
    if not stated:
        return plain, ()
    expected = IMPLICIT_LITTLE_ENDIAN if stated == GE_BIG_ENDIAN_PIXELS else stated
    if stated not in _NATIVE or stated in DEFLATED:
        expected = EXPLICIT_LITTLE_ENDIAN
    problem, settled = "", stated
    if expected != plain:
        problem = f"the data set is {_WORDS[plain]}"
        settled = plain if stated in _NATIVE else stated
    elif stated in DEFLATED and not encoding.deflated:
        problem, settled = "the data set is not deflated", plain
    elif pixel is not None and pixel.length == -1 and stated in _NATIVE:
        problem = "the pixel data are encapsulated"
    if not problem:
        return settled, ()
    text = f"the file says {stated}, but {problem}"
    return settled, (Finding("wrong-transfer-syntax", Level.WARNING, name, text, "PS3.5 annex A"),)


def meta_findings(
    preamble: bool, has_meta: bool, stated: str, settled: str, name: str
) -> tuple[Finding, ...]:
    """Return findings about the preamble and the file meta information (PS3.10 7.1)."""
    if not has_meta or not stated:
        what = "there is no file meta information" if not has_meta else "no transfer syntax is stated"
        text = f"{what}; the data set was found to be {_WORDS.get(settled, settled)}"
        return (Finding("no-file-meta", Level.INFO, name, text, "PS3.10 7.1"),)
    if not preamble:
        text = "there is no preamble before the file meta information"
        return (Finding("no-preamble", Level.INFO, name, text, "PS3.10 7.1"),)
    return ()
