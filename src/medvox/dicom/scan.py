"""Scan: reads the headers of files, never their pixel data.

`read_header` reads one; `scan_headers` reads many in threads, with the compiled walk of
`medvox.dicom.elements_kernels` where there are enough of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from medvox.core.errors import AccessError, FormatError, MedvoxError, TruncatedError, UnknownFormatError
from medvox.core.finding import Finding, Level
from medvox.core.progress import Progress, silent
from medvox.dicom import elements
from medvox.dicom.header import Encoding, Header, PixelSpan, inflate, pack
from medvox.dicom.wanted import WANTED
from medvox.formats.inputs import InputFile

__all__ = ["WANTED", "is_dicom", "read_header", "scan_headers"]

WINDOW = 8192
"""Bytes read at first, enough for most headers."""
MAX_WINDOW = 1 << 20
_PREAMBLE = 132
_TRANSFER_SYNTAX = 0x00020010
_IMPLICIT = "1.2.840.10008.1.2"
_EXPLICIT = "1.2.840.10008.1.2.1"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_GE_BIG_ENDIAN_PIXELS = "1.2.840.113619.5.2"


def is_dicom(first: bytes) -> bool:
    """Tell whether a file with these first bytes is DICOM: by the preamble, or plausibly a bare data set.

    A bare data set begins with group 0002 or 0008, and each element that is there ends where one with a
    higher tag begins.
    """
    if first[128:132] == b"DICM":
        return True
    if len(first) < 16:
        return False
    little, big = first[0] + 256 * first[1], 256 * first[0] + first[1]
    if little not in (2, 8) and big not in (2, 8):
        return False
    order = int(big in (2, 8))
    implicit = int(not (first[4:6].isalpha() and first[4:6].isupper()))
    if not implicit and first[4:6] not in _VRS:
        return False
    position, last, seen = 0, 0, 0
    while position + 12 <= len(first) and seen < 3:
        tag, _, head, length = elements.read_element(first, position, 12, implicit, order)
        if tag <= last or (length > 1 << 16 and not (seen and length == elements.UNDEFINED)):
            return False
        if length == elements.UNDEFINED:
            break
        position, last, seen = position + head + length, tag, seen + 1
    return seen > 0


_VRS = frozenset(
    b"AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
)


def read_header(file: InputFile, tags: Sequence[int] = WANTED) -> Header:
    """Read the header of one file.

    Parameters
    ----------
    file
        The file.
    tags
        Top-level tags that are wanted.

    Raises
    ------
    UnknownFormatError
        If it is not DICOM.
    FormatError
        If nothing of it can be read.
    AccessError
        If the system refuses.
    """
    try:
        descriptor = os.open(file.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise AccessError(f"cannot be read: {error.strerror}", where=file.name) from None
    try:
        return _read(file, descriptor, tuple(sorted({*tags, _TRANSFER_SYNTAX})))
    except OSError as error:
        if isinstance(error, MedvoxError):
            raise
        raise AccessError(f"cannot be read: {error.strerror}", where=file.name) from None
    finally:
        os.close(descriptor)


def _read(file: InputFile, descriptor: int, tags: Sequence[int]) -> Header:
    size = os.fstat(descriptor).st_size
    first = os.read(descriptor, WINDOW)
    if not is_dicom(first):
        raise UnknownFormatError("this is not DICOM", where=file.name)
    preamble = first[128:132] == b"DICM"
    state = [0] * elements.STATE_SIZE
    out = [0] * (4 * elements.MAX_FOUND)
    arena = bytearray(elements.ARENA)
    elements.start(state, size, _PREAMBLE if preamble else 0)
    window, state[elements.COUNT], length = first, len(first), WINDOW
    while (result := elements.walk(window, tags, state, out, arena)) == elements.MORE:
        os.lseek(descriptor, state[elements.POSITION], os.SEEK_SET)
        window = os.read(descriptor, length)
        state[elements.BASE], state[elements.COUNT] = state[elements.POSITION], len(window)
        length = min(2 * length, MAX_WINDOW)
        if len(window) < 12 and state[elements.POSITION] + len(window) < size:
            result = elements.TRUNCATED  # the file shrank
            break
    if result == elements.DEFLATED:
        os.lseek(descriptor, 0, os.SEEK_SET)
        with os.fdopen(os.dup(descriptor), "rb") as stream:
            content = stream.read()
        start = state[elements.DATA_START]
        content = inflate(content, start, file.name)
        state[elements.SIZE] = state[elements.COUNT] = len(content)
        state[elements.BASE] = 0
        state[elements.IS_DEFLATED] = 2
        state[elements.IN_META] = 1
        result = elements.walk(content, tags, state, out, arena)
    return _header(
        file, result, preamble, state, pack(out, state[elements.FOUND]), bytes(arena[: state[elements.USED]])
    )


def _header(
    file: InputFile, result: int, preamble: bool, state: Sequence[int], index: bytes, values: bytes
) -> Header:
    if state[elements.FOUND] == 0:
        raise TruncatedError("no element of the data set can be read", where=file.name)
    if result == elements.BROKEN:
        raise FormatError("the data elements are nested too deep or repeat without end", where=file.name)
    size = state[elements.SIZE]
    encoding = Encoding(
        implicit=state[elements.IMPLICIT] == 1,
        big_endian=state[elements.BIG] == 1,
        start=state[elements.DATA_START],
        deflated=state[elements.IS_DEFLATED] == 2,
    )
    pixel, findings = None, []
    if result == elements.PIXELS:
        offset, length = state[elements.PIXEL_OFFSET], state[elements.PIXEL_LENGTH]
        code = state[elements.PIXEL_VR]
        if offset + length > size:
            findings.append(
                Finding(
                    "truncated-pixel-data",
                    Level.ERROR,
                    file.name,
                    f"the pixel data have {length} bytes by their header, but the file ends after {size - offset}",
                )
            )
            length = max(0, size - offset)
        vr = chr(code >> 8) + chr(code & 0xFF) if code else ""
        pixel = PixelSpan(offset, length, state[elements.PIXEL_TAG], vr)
    header = Header(str(file.path), file.name, file.size, "", encoding, pixel, (), index, values)
    stated = header.text(_TRANSFER_SYNTAX)
    return Header(
        str(file.path),
        file.name,
        file.size,
        stated or _plain(encoding),
        encoding,
        pixel,
        tuple(findings),
        index,
        values,
    )


def _plain(encoding: Encoding) -> str:
    if encoding.big_endian:
        return _BIG_ENDIAN
    return _IMPLICIT if encoding.implicit else _EXPLICIT


def scan_headers(
    files: Sequence[InputFile], tags: Sequence[int] = WANTED, progress: Progress = silent
) -> tuple[list[Header], list[InputFile], list[Finding]]:
    """Read the headers of many files.

    Returns
    -------
    headers
        Of the files that are DICOM, in the order of `files`.
    others
        The files that are not DICOM.
    findings
        What could not be read, and why.
    """
    headers: list[Header] = []
    others: list[InputFile] = []
    findings: list[Finding] = []
    for done, file in enumerate(files):
        try:
            headers.append(read_header(file, tags))
        except UnknownFormatError:
            others.append(file)
        except MedvoxError as error:
            findings.append(Finding("unreadable-file", Level.ERROR, file.name, str(error)))
        progress(done + 1, len(files), "reading headers")
    return headers, others, findings
