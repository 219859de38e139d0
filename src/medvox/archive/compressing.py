"""Compressing: lets stored instances take less room, without loss and verified before the original goes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from medvox.archive.archive import Archive
from medvox.archive.arrivals import INTERNAL
from medvox.archive.audit import Event
from medvox.archive.index.changes import WITHDRAW
from medvox.archive.model import InstanceRow, Origin, Outcome, StorageFullError
from medvox.archive.parsed import encode, parse
from medvox.archive.pixels import stored_pixels
from medvox.archive.sameness import same_content
from medvox.archive.store.disk import Buffer
from medvox.core.errors import MedvoxError, MissingError, UnsupportedError, UsageError
from medvox.core.finding import Finding, Level
from medvox.core.progress import Progress, silent
from medvox.dicom.elements.encoding import Encoding
from medvox.dicom.writing.files.compress import compressed_frames, encapsulated, transfer_syntax_of
from medvox.dicom.writing.options import Compression

CALLER: Final = INTERNAL + "compress"
_PADDING: Final = b"\xfc\xff\xfc\xff"
POSSIBLE: Final = (Compression.JPEG_LS, Compression.HTJ2K, Compression.JPEG_2000)


@dataclass(frozen=True, slots=True)
class Compressed:
    """What was compressed.

    Parameters
    ----------
    instances
        How many were.
    before, after
        Their bytes. Those before go when the bin is emptied.
    skipped
        How many cannot be compressed, or take no less room so.
    findings
        ``not-compressed``: those that should be but failed.
    """

    instances: int
    before: int
    after: int
    skipped: int
    findings: tuple[Finding, ...] = ()


def compress(
    archive: Archive,
    rows: Iterable[InstanceRow],
    compression: Compression | str,
    *,
    who: str,
    progress: Progress = silent,
) -> Compressed:
    """Compress instances that are not; each is served compressed once what it decodes to was compared.

    The version before is withdrawn, and its bytes go when the bin is emptied. One that is received again
    uncompressed is known to be the same.

    Parameters
    ----------
    archive
        Where they are.
    rows
        Which.
    compression
        One of `POSSIBLE`.
    who
        For the audit.
    progress
        Receives instances done.

    Raises
    ------
    UsageError
        If the compression is none of these.
    StorageFullError
        If it cannot be kept; what was compressed before stays so.
    """
    if compression not in POSSIBLE:
        raise UsageError("unknown compression", got=compression, expected=[str(one) for one in POSSIBLE])
    chosen, rows = Compression(compression), list(rows)
    done: list[tuple[InstanceRow, int]] = []
    findings = []
    progress(0, len(rows), "Compressing")
    for number, row in enumerate(rows, start=1):
        try:
            size = _one(archive, row, chosen)
        except UnsupportedError:
            size = 0
        except StorageFullError:
            raise
        except MedvoxError as error:
            findings.append(Finding("not-compressed", Level.WARNING, row.sop_uid, error.reason))
            size = 0
        if size:
            done.append((row, size))
        progress(number, len(rows), "Compressing")
    studies = sorted({row.study_uid for row, _ in done})
    archive.audit.append(*(Event(who, "compress", uid, detail=str(chosen)) for uid in studies))
    before, after = sum(row.size for row, _ in done), sum(size for _, size in done)
    return Compressed(len(done), before, after, len(rows) - len(done) - len(findings), tuple(findings))


def _one(archive: Archive, row: InstanceRow, compression: Compression) -> int:
    """Compress one instance; return the bytes of its data set, 0 where it takes no less room."""
    data = archive.read_data_set(row)
    syntax = transfer_syntax_of(compression)
    coded = compressed(data, row.transfer_syntax, compression)
    if len(coded) >= len(data):
        return 0
    if not same_content((data, row.transfer_syntax), (coded, syntax)):
        raise UnsupportedError("the compressed instance is not the same", got=row.transfer_syntax)
    kept = archive.receive(coded, transfer_syntax=syntax, origin=Origin(CALLER), is_compared=False)
    if kept.outcome is Outcome.STORED:
        return 0  # it was deleted meanwhile
    entry = {
        "change": WITHDRAW,
        "study_uid": row.study_uid,
        "versions": [[row.sop_uid, row.digest]],
    }
    archive.change(entry, lambda _: 1)
    return len(coded)


def compressed(data: Buffer, transfer_syntax: str, compression: Compression) -> bytes:
    """Return a data set with its pixels compressed without loss; each frame was decoded and compared.

    Raises
    ------
    UnsupportedError
        If it has no pixels, is compressed already, or its samples are not of 8 or 16 bits, grey or RGB.
    FormatError
        If it is damaged.
    WriteError
        If a frame does not decode to what was given.
    """
    try:
        pixels = stored_pixels(data, transfer_syntax)
    except MissingError as error:
        raise UnsupportedError("there are no pixels to compress") from error
    form = pixels.form
    if pixels.is_compressed or form.bits_allocated not in (8, 16) or form.samples not in (1, 3):
        raise UnsupportedError("the pixels cannot be compressed", got=transfer_syntax)
    if pixels.after and pixels.after[:4] != _PADDING:
        raise UnsupportedError("elements follow the pixels, e.g. a signature, which would not fit any more")
    if form.samples == 3 and form.photometric != "RGB":
        raise UnsupportedError("the colors cannot be compressed", got=form.photometric)
    frames = np.stack([samples for samples, _ in pixels.frames()])
    if form.signed and form.samples == 1:
        frames = frames.view(f"i{frames.itemsize}")
    parsed = parse(data, transfer_syntax)
    if form.samples == 3:
        parsed.head.PlanarConfiguration = 0
    coded = encapsulated(compressed_frames(frames, compression))
    parts = [*coded.others.values(), *coded.parts]
    tail = memoryview(b"".join(bytes(part) for part in parts))
    explicit = Encoding(implicit=False, big_endian=False, start=0)
    syntax = transfer_syntax_of(compression)
    return encode(replace(parsed, tail=tail, encoding=explicit, transfer_syntax=syntax))
