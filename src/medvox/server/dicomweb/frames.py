"""WADO-RS: frames and bulk data (PS3.18 10.4.1.1.6, 10.4.1.1.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from fastapi import APIRouter, Request, Response

from medvox.archive.access import Action
from medvox.archive.archive import Archive
from medvox.archive.frames import StoredPixels, pixel_source, stored_pixels
from medvox.archive.model import InstanceRow
from medvox.core.errors import UsageError
from medvox.dicom.elements.encoding import DEFLATED
from medvox.dicom.pixels.transfer_syntaxes import Codec, transfer_syntax
from medvox.dicom.writing.files.transcode import (
    COMPRESSIONS,
    compressed_frame,
    decoded_frame,
    little_endian,
    native_bytes,
)
from medvox.server.dicomweb import multipart
from medvox.server.dicomweb.bulk import bulk_value
from medvox.server.dicomweb.negotiation import (
    EXPLICIT_LITTLE,
    OCTETS,
    STORED,
    Wish,
    accepted,
    frame_media_type,
    frame_syntaxes,
    not_acceptable,
)
from medvox.server.dicomweb.resources import Resource, getting, row_of, service_url
from medvox.server.dicomweb.sending import Streamed

router = APIRouter(tags=["WADO-RS"])
MOST_FRAMES: Final = 10_000
"""Frames that one list may name."""
INSTANCE: Final = "/studies/{study}/series/{series}/instances/{instance}"
_AT_ONCE: Final = 1 << 20


@getting(
    router,
    Action.RETRIEVE,
    INSTANCE + "/frames/{frames}",
)
def frames(request: Request, archive: Archive, resource: Resource) -> Response:
    """Frames of an instance, as they are stored, uncompressed, or encoded as accepted."""
    numbers = frame_numbers(request.path_params["frames"])
    row = row_of(archive, resource)
    pixels = stored_pixels(archive, row)
    for number in numbers:
        pixels.pieces(number)
    return frames_answer(request, archive, row, pixels, numbers)


@getting(
    router,
    Action.RETRIEVE,
    INSTANCE + "/bulkdata/{path}",
)
def bulkdata(request: Request, archive: Archive, resource: Resource) -> Response:
    """One value of an instance, by the address that its metadata give."""
    row, path = row_of(archive, resource), request.path_params["path"]
    if path.upper() in ("7FE00010", "7FE00008", "7FE00009"):
        pixels = stored_pixels(archive, row)
        return frames_answer(request, archive, row, pixels, range(pixels.frames), is_bulk=True)
    value = bulk_value(archive, row, path)
    for wish in accepted(request):
        if wish.covers(OCTETS):
            if wish.is_multipart or wish.media == "*/*":
                location = f"{service_url(request)}{resource.path()}/bulkdata/{path}"
                body = multipart.part_head(OCTETS, len(value), location)[2:] + value + multipart.END
                return Response(body, headers={"Content-Type": multipart.content_type(OCTETS)})
            return Response(value, headers={"Content-Type": OCTETS})
    raise not_acceptable((OCTETS,))


def frame_numbers(text: str) -> list[int]:
    """Read a list of frame numbers, which count from 1; what is returned counts from 0.

    Raises
    ------
    UsageError
        If it is no list of whole numbers from 1 on, or too long a one.
    """
    parts = text.split(",")
    if len(parts) > MOST_FRAMES:
        raise UsageError("too many frames in one request", expected=f"at most {MOST_FRAMES}")
    if not all(part.isascii() and part.isdigit() and len(part) < 10 and int(part) > 0 for part in parts):
        raise UsageError("this is no list of frame numbers", got=text[:80], expected="1,2,…")
    return [int(part) - 1 for part in parts]


def frames_answer(
    request: Request,
    archive: Archive,
    row: InstanceRow,
    pixels: StoredPixels,
    numbers: Sequence[int],
    *,
    is_bulk: bool = False,
) -> Response:
    """Answer with frames, counted from 0, as the client accepts them.

    Raises
    ------
    HTTPException
        406 if they cannot be sent as accepted.
    """
    stored = row.transfer_syntax if pixels.is_encapsulated else EXPLICIT_LITTLE
    wish, syntax = _choice(accepted(request), stored, pixels, is_single=len(numbers) == 1 or is_bulk)
    read = reader(archive, row, pixels, syntax)
    media, length = frame_media_type(syntax), _length(pixels, stored, syntax)
    stated = media if syntax == EXPLICIT_LITTLE else f"{media}; transfer-syntax={syntax}"
    if not wish.is_multipart and wish.media != "*/*":
        if len(numbers) > 1 and pixels.is_encapsulated:
            raise not_acceptable((f'multipart/related; type="{media}"',))
        return Streamed((read(number) for number in numbers), stated)
    if len(numbers) == 1:
        data = read(numbers[0])
        body = b"".join((multipart.part_head(stated, len(data))[2:], data, multipart.END))
        return Response(body, headers={"Content-Type": multipart.content_type(media)})
    head = multipart.part_head(stated, length)
    total = len(numbers) * (len(head) + length) + len(multipart.END) - 2 if length is not None else None
    return Streamed(_parts(read, numbers, head), multipart.content_type(media), total)


def _parts(read: Callable[[int], bytes], numbers: Sequence[int], head: bytes) -> Iterator[bytes]:
    for count, number in enumerate(numbers):
        yield head if count else head[2:]
        yield read(number)
    yield multipart.END


def _length(pixels: StoredPixels, stored: str, syntax: str) -> int | None:
    """Bytes of every frame, where all have the same number of them."""
    if pixels.is_encapsulated or syntax != stored:
        return None
    return -(-pixels.form.native_frame_bits // 8)


def _choice(
    wishes: Sequence[Wish], stored: str, pixels: StoredPixels, *, is_single: bool
) -> tuple[Wish, str]:
    """Choose the best that is accepted and can be made."""
    for wish in wishes:
        if not (wish.is_multipart or wish.media == "*/*" or is_single):
            continue
        for syntax in frame_syntaxes((wish,), stored):
            if syntax == stored or _can_make(pixels, stored, syntax):
                return wish, syntax
    raise not_acceptable((f'multipart/related; type="{frame_media_type(stored)}"; transfer-syntax={STORED}',))


def _can_make(pixels: StoredPixels, stored: str, syntax: str) -> bool:
    if stored != EXPLICIT_LITTLE and transfer_syntax(stored, encapsulated=True).codec is Codec.NONE:
        return False
    if pixels.form.kind != "integer":
        return syntax == EXPLICIT_LITTLE
    return syntax == EXPLICIT_LITTLE or syntax in COMPRESSIONS


def reader(archive: Archive, row: InstanceRow, pixels: StoredPixels, syntax: str) -> Callable[[int], bytes]:
    """Return what reads one frame, counted from 0, in a transfer syntax (native ones: little endian)."""
    form = pixels.form
    is_stored = syntax == row.transfer_syntax if pixels.is_encapsulated else syntax == EXPLICIT_LITTLE
    is_plain = form.kind != "bit" and not form.big_endian and row.transfer_syntax not in DEFLATED
    if is_stored and is_plain:
        start = row.data_set_offset

        def straight(number: int) -> bytes:
            pieces = pixels.pieces(number)
            found = [archive.read_part(row, start + at, length) for at, length in pieces]
            return found[0] if len(found) == 1 else b"".join(found)

        return straight
    source = pixel_source(archive, row)

    def made(number: int) -> bytes:
        data = pixels.read(source, number)
        if is_stored:
            return little_endian(data, form, pixels.span.vr) if form.big_endian else data
        samples, _ = decoded_frame(data, form, f"{row.sop_uid} frame {number + 1}")
        return native_bytes(samples) if syntax == EXPLICIT_LITTLE else compressed_frame(samples, syntax)

    return made
