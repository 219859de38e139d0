"""WADO-RS: studies, series and instances as DICOM files, and their metadata (PS3.18 10.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from fastapi import APIRouter, HTTPException, Request, Response

from medvox.archive.access import Action
from medvox.archive.archive import Archive
from medvox.archive.frames import pixel_source, stored_pixels
from medvox.archive.metadata import instance_metadata, series_metadata, with_base
from medvox.archive.model import InstanceRow
from medvox.core.errors import MissingError
from medvox.dicom.pixels.transfer_syntaxes import transfer_syntax
from medvox.dicom.writing.files.transcode import can_transcode, transcoded
from medvox.server.dicomweb import multipart, xml
from medvox.server.dicomweb.negotiation import (
    DEFAULT,
    DICOM,
    EXPLICIT_LITTLE,
    JSON,
    STORED,
    accepted,
    not_acceptable,
    object_syntaxes,
    text_type,
)
from medvox.server.dicomweb.resources import (
    Resource,
    getting,
    row_of,
    rows_of,
    service_url,
)
from medvox.server.dicomweb.sending import Streamed

router = APIRouter(tags=["WADO-RS"])
_PIECE: Final = 1 << 18
"""Bytes of an instance that are read at once."""
Sent = tuple[InstanceRow, str]
"""An instance and the transfer syntax that it is sent in."""


@getting(
    router,
    Action.RETRIEVE,
    "/studies/{study}",
    "/studies/{study}/series/{series}",
    "/studies/{study}/series/{series}/instances/{instance}",
)
def retrieve(request: Request, archive: Archive, resource: Resource) -> Response:
    """All instances of a study or a series, or one."""
    choices = accepted(request)
    rows = rows_of(archive, resource)
    many = object_syntaxes(wish for wish in choices if wish.is_multipart or wish.media == "*/*")
    if many:
        return _multipart(archive, rows, many)
    one = object_syntaxes(wish for wish in choices if not wish.is_multipart)
    if not one or len(rows) > 1:
        raise not_acceptable((f'multipart/related; type="{DICOM}"', DICOM))
    syntax = sent_syntax(rows[0], one)
    if syntax is None:
        raise HTTPException(406, "The instance cannot be sent in the transfer syntax that is accepted")
    media, length = f"{DICOM}; transfer-syntax={syntax}", _length(rows[0], syntax)
    return Streamed(content_of(archive, rows[0], syntax), media, length)


def _multipart(archive: Archive, rows: Sequence[InstanceRow], syntaxes: Sequence[str]) -> Response:
    """Answer with many instances; those that cannot be sent as accepted are left out and told of."""
    every = [(row, sent_syntax(row, syntaxes)) for row in rows]
    sent: list[Sent] = [(row, syntax) for row, syntax in every if syntax is not None]
    if not sent:
        raise HTTPException(406, "No instance can be sent in the transfer syntax that is accepted")
    headers, lacking = {}, len(rows) - len(sent)
    if lacking:
        headers["Warning"] = f'299 medvox "{lacking} instances have another transfer syntax"'
    lengths = [_length(*one) for one in sent]
    length = None
    if None not in lengths:
        heads = sum(len(_head(syntax, row.size)) for row, syntax in sent)
        length = heads + sum(row.size for row, _ in sent) + len(multipart.END) - 2
    parts = _parts(archive, sent)
    return Streamed(parts, multipart.content_type(DICOM), length, 206 if lacking else 200, headers)


def _parts(archive: Archive, sent: Sequence[Sent]) -> Iterator[bytes]:
    skipped = 2  # the first boundary begins the body
    for row, syntax in sent:
        length = _length(row, syntax)
        yield _head(syntax, length)[skipped:]
        skipped = 0
        yield from content_of(archive, row, syntax)
    yield multipart.END


@lru_cache(4096)
def _head(syntax: str, length: int | None) -> bytes:
    return multipart.part_head(f"{DICOM}; transfer-syntax={syntax}", length)


def _length(row: InstanceRow, syntax: str) -> int | None:
    return row.size if syntax == row.transfer_syntax else None


def sent_syntax(row: InstanceRow, syntaxes: Sequence[str]) -> str | None:
    """Choose the transfer syntax that an instance is sent in; None where none that is accepted can be made.

    By default it is Explicit VR Little Endian, but what was compressed with loss, or cannot be decoded
    here, is sent as it is stored (PS3.18 8.7.3.5.2).
    """
    stored = row.transfer_syntax
    for wanted in syntaxes:
        if wanted in (STORED, stored):
            return stored
        if wanted == DEFAULT:
            is_bound = transfer_syntax(stored).is_lossy or not can_transcode(stored, EXPLICIT_LITTLE)
            return stored if is_bound else EXPLICIT_LITTLE
        if can_transcode(stored, wanted):
            return wanted
    return None


def content_of(archive: Archive, row: InstanceRow, syntax: str) -> Iterator[bytes]:
    """Yield the DICOM file of an instance in a transfer syntax.

    Raises
    ------
    FormatError
        If it cannot be decoded.
    """
    if syntax != row.transfer_syntax:
        yield _transcoded(archive, row, syntax)
        return
    for at in range(0, row.size, _PIECE):
        yield archive.read_part(row, at, min(_PIECE, row.size - at))


def _transcoded(archive: Archive, row: InstanceRow, syntax: str) -> bytes:
    content = archive.read(row)
    try:
        pixels = stored_pixels(archive, row)
    except MissingError:
        return transcoded(content, None, (), "", syntax)
    source = pixel_source(archive, row)
    frames = [pixels.read(source, number) for number in range(pixels.frames)]
    return transcoded(content, pixels.form, frames, pixels.span.vr, syntax)


@getting(
    router,
    Action.RETRIEVE,
    "/studies/{study}/metadata",
    "/studies/{study}/series/{series}/metadata",
    "/studies/{study}/series/{series}/instances/{instance}/metadata",
)
def metadata(request: Request, archive: Archive, resource: Resource) -> Response:
    """What instances say besides their bulk data."""
    media = text_type(request)
    parts = _metadata(archive, resource, service_url(request))
    if media == JSON:
        return Streamed(parts, JSON)
    return xml.answer(b"".join(parts))


def _metadata(archive: Archive, resource: Resource, base: str) -> Iterator[bytes]:
    """Yield the parts of a JSON array."""
    found = _instance_texts(archive, resource)
    first = next(found, None)
    if first is None:
        raise MissingError("there is no such resource", where=resource.path())
    yield b"["
    yield with_base(first, base)
    for part in found:
        yield with_base(part, base)
    yield b"]"


def _instance_texts(archive: Archive, resource: Resource) -> Iterator[bytes]:
    if resource.study is None:
        return
    if resource.instance is not None:
        yield instance_metadata(archive, row_of(archive, resource))
        return
    is_first = True
    for series in _series_of(archive, resource):
        for number, part in enumerate(series_metadata(archive, resource.study, series)):
            yield part if is_first or number else b"," + part
            is_first = False


def _series_of(archive: Archive, resource: Resource) -> list[str]:
    if resource.series is not None:
        return [resource.series]
    return list(dict.fromkeys(row.series_uid for row in archive.instances(resource.study)))
