"""gzip, zlib and bzip2 streams: unpacked straight into the array, packed by several threads.

Packing cuts the input into pieces that end on a byte boundary (deflate's sync flush, RFC 1951 2.4 and
3.2.4), packs them apart with the last 32 KiB of the piece before as dictionary, and joins them to one
stream of one member (RFC 1952) that every tool reads.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import numpy as np
from numpy.typing import NDArray

from medvox.core import settings
from medvox.core.errors import FormatError, TruncatedError
from medvox.core.progress import Progress, silent, track
from medvox.formats.atomic import atomic_file
from medvox.formats.files import check_claim, read_bytes, reading

Container = Literal["gzip", "zlib", "bzip2"]
Bytes = NDArray[np.uint8]

MOST_GAIN = {"gzip": 1040, "zlib": 1040, "bzip2": 50_000_000}
"""No stream unpacks to more than this many times its size; deflate: 258 bytes in 2 bits."""
GZIP_MAGIC = b"\x1f\x8b\x08"
_GZIP_START = GZIP_MAGIC + b"\0\0\0\0\0\0\xff"  # no name, no time, unknown system: same input, same bytes
_PACKED_SUFFIXES = (".gz", ".mgz")
_PACKED_HEADER = 4096  # room for the name that a gzip file may carry
_WINDOW = 1 << 15
_PIECE = 1 << 20
_FEED = 1 << 20
_ISAL_LEVEL, _ISAL_MEMORY = 2, 3
"""Measured on CT and MR: at most 1.014 times zlib's level 1 in size; with more memory the blocks of
one Huffman table grow, and up to 1.028 times."""
_END = b"\x03\0"  # an empty final block
_WBITS = {"gzip": 31, "zlib": 15}


def unpack_start(packed: bytes, count: int) -> bytes:
    """Unpack the first `count` bytes of a gzip stream; what cannot be unpacked is left out."""
    start = b""
    try:
        while packed and len(start) < count:
            member = zlib.decompressobj(31)
            start += member.decompress(packed, count - len(start))
            packed = member.unused_data
    except zlib.error:
        pass
    return start


def first_bytes(path: Path, count: int) -> bytes:
    """Read the first `count` bytes of a file, of a gzip one those of its content; fewer where it ends."""
    raw = read_bytes(path, 0, count + _PACKED_HEADER)
    return unpack_start(raw, count) if raw.startswith(GZIP_MAGIC) else raw[:count]


def unpack(path: Path, container: Container, count: int, start: int = 0, skip: int = 0) -> Bytes:
    """Unpack a stream that lies in a file.

    Parameters
    ----------
    container
        Kind of the stream; gzip may have several members.
    count
        Bytes wanted.
    start
        Where the stream begins in the file.
    skip
        Unpacked bytes left out before those wanted.

    Returns
    -------
    (count,) uint8
        Aligned for any type.

    Raises
    ------
    TruncatedError
        If the stream holds fewer bytes.
    FormatError
        If it is damaged.
    """
    packed = _read_packed(path, start)
    check_claim(path, count + skip, len(packed) * MOST_GAIN[container] + 1024, "the header")
    room = np.empty(skip + count + 64, np.uint8)
    shift = -(room.ctypes.data + skip) % 64
    out = room[shift : shift + skip + count]
    if container == "bzip2" or not _at_once(packed, container, out):
        filled = _in_steps(packed, container, out, path)
        if filled < len(out):
            raise TruncatedError(
                f"the {container} stream ends early",
                where=path,
                got=f"{filled} bytes unpacked",
                expected=f"{len(out)}",
                advice="The file is incomplete: copy or download it again",
            )
    return out[skip:]


def _read_packed(path: Path, start: int) -> memoryview:
    """Read a file from a place to its end, into memory in large pages: they cost less to get."""
    with reading(path) as file:
        room = np.empty(max(0, file.seek(0, 2) - start), np.uint8)
        file.seek(start)
        at = 0
        while at < len(room) and (got := cast(RawIOBase, file).readinto(room[at:].data)):
            at += got
    return memoryview(room[:at].data)


def _at_once(packed: memoryview, container: Container, out: Bytes) -> bool:
    """Let libdeflate fill `out`; False where the stream has several members, more or fewer bytes."""
    import imagecodecs

    decode = imagecodecs.gzip_decode if container == "gzip" else imagecodecs.deflate_decode
    if not out.size:
        return False
    try:
        return len(decode(cast(bytes, packed), out=memoryview(out.data))) == len(out)
    except (RuntimeError, ValueError):
        return False


def _in_steps(packed: memoryview, container: Container, out: Bytes, path: Path) -> int:
    """Fill `out` piece by piece; return how far it went before the stream ended."""
    from isal.igzip_lib import IsalError

    try:
        filled = 0
        for piece in _pieces(packed, container, len(out) + 1):  # one more, so that the end is checked
            taken = np.frombuffer(piece, np.uint8)[: len(out) - filled]
            out[filled : filled + len(taken)] = taken
            filled += len(taken)
    except (IsalError, zlib.error, OSError, EOFError, ValueError) as error:  # type: ignore[misc]
        raise FormatError(
            f"the {container} stream is damaged",
            where=path,
            got=f"an error after {filled} bytes unpacked",
            advice="Copy or download the file again",
        ) from error
    return filled


def _pieces(packed: memoryview, container: Container, wanted: int) -> Iterator[bytes]:
    from isal import isal_zlib

    left = packed
    while wanted > 0 and left:
        unpacker: Any = (
            bz2.BZ2Decompressor() if container == "bzip2" else isal_zlib.decompressobj(_WBITS[container])
        )
        while wanted > 0 and not unpacker.eof:
            feed, left = left[:_FEED], left[_FEED:]
            piece = unpacker.decompress(feed, wanted)
            tail = getattr(unpacker, "unconsumed_tail", b"")
            if not piece and not feed:
                return
            if tail:
                left = memoryview(bytes(tail) + bytes(left)) if wanted > len(piece) else left
            wanted -= len(piece)
            yield piece
        unused = bytes(unpacker.unused_data)
        left = memoryview((unused + bytes(left)).lstrip(b"\0"))
        if container == "zlib":
            return


def pack(
    parts: Sequence[Bytes],
    file: BinaryIO,
    container: Literal["gzip", "zlib"] = "gzip",
    level: int | None = None,
    progress: Progress = silent,
) -> int:
    """Pack bytes into a file, in `settings.threads` threads.

    Parameters
    ----------
    parts
        (n,) uint8 each, packed one after another into one stream.
    level
        None: as `settings.compression_level` says; where that is None too, ISA-L: fast, about the size of
        zlib's level 1. 1 to 9: zlib-ng, slower and smaller.

    Returns
    -------
    int
        Bytes written.
    """
    level = settings.current().compression_level if level is None else level
    pieces = [(part, start) for part in parts for start in range(0, len(part), _PIECE)]
    written = file.write(_GZIP_START if container == "gzip" else b"\x78\x01")
    with ThreadPoolExecutor(settings.current().threads) as pool:
        packed = pool.map(lambda piece: _pack_piece(piece[0], piece[1], level), pieces)
        for bytes_ in track(packed, progress, "Compressing", len(pieces)):
            written += file.write(bytes_)
    return written + file.write(_END + _trailer(parts, container))


def write_parts(
    path: Path, parts: Sequence[Bytes], level: int | None = None, progress: Progress = silent
) -> None:
    """Write bytes to a file, packed where its name ends in ``.gz`` or ``.mgz``: complete or not at all.

    Parameters
    ----------
    parts, level
        As for `pack`.

    Raises
    ------
    WriteError
        If the system refuses.
    """
    with atomic_file(path) as file:
        if path.name.lower().endswith(_PACKED_SUFFIXES):
            pack(parts, file, "gzip", level, progress)
        else:
            for part in parts:
                file.write(part.data)


def _pack_piece(source: Bytes, start: int, level: int | None) -> bytes:
    from isal import isal_zlib
    from zlib_ng import zlib_ng

    known: Any = {"zdict": source[max(0, start - _WINDOW) : start].tobytes()} if start else {}
    packer: Any = (
        isal_zlib.compressobj(_ISAL_LEVEL, isal_zlib.DEFLATED, -15, _ISAL_MEMORY, **known)
        if level is None
        else zlib_ng.compressobj(level, zlib_ng.DEFLATED, -15, **known)
    )
    first = packer.compress(source[start : start + _PIECE])
    return bytes(first + packer.flush(zlib.Z_SYNC_FLUSH))


def pack_small(source: Bytes, level: int | None = None) -> bytes:
    """Pack bytes into one zlib stream in this thread; levels as for `pack`."""
    from isal import isal_zlib

    if level is not None:
        return zlib.compress(source.data, level)
    packer = isal_zlib.compressobj(_ISAL_LEVEL, isal_zlib.DEFLATED, 15, _ISAL_MEMORY)
    return bytes(packer.compress(source) + packer.flush())


def _trailer(parts: Sequence[Bytes], container: str) -> bytes:
    from isal import isal_zlib

    check = 0 if container == "gzip" else 1
    for part in parts:
        check = isal_zlib.crc32(part, check) if container == "gzip" else isal_zlib.adler32(part, check)
    if container == "zlib":
        return int(check).to_bytes(4, "big")
    size = sum(len(part) for part in parts) & 0xFFFFFFFF
    return int(check).to_bytes(4, "little") + size.to_bytes(4, "little")
