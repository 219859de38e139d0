"""Negotiation: which representation a client accepts (PS3.18 8.7, RFC 9110 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from fastapi import HTTPException, Request

from medvox.dicom.pixels.transfer_syntaxes import transfer_syntax

EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
DICOM: Final = "application/dicom"
JSON: Final = "application/dicom+json"
XML: Final = "application/dicom+xml"
OCTETS: Final = "application/octet-stream"
MULTIPART: Final = "multipart/related"
STORED: Final = "*"
"""Transfer syntax of a wish: whatever it is stored in."""
DEFAULT: Final = ""
"""Transfer syntax of a wish for instances that states none."""
LONGEST: Final = 8192
MOST: Final = 64

MEDIA_TYPES: Final = {
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.51": "image/jpeg",
    "1.2.840.10008.1.2.4.57": "image/jpeg",
    "1.2.840.10008.1.2.4.70": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.4.92": "image/jpx",
    "1.2.840.10008.1.2.4.93": "image/jpx",
    "1.2.840.10008.1.2.4.110": "image/jxl",
    "1.2.840.10008.1.2.4.111": "image/jxl",
    "1.2.840.10008.1.2.4.112": "image/jxl",
    "1.2.840.10008.1.2.4.201": "image/jphc",
    "1.2.840.10008.1.2.4.202": "image/jphc",
    "1.2.840.10008.1.2.4.203": "image/jphc",
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    "1.2.840.10008.1.2.4.100": "video/mpeg2",
    "1.2.840.10008.1.2.4.101": "video/mpeg2",
    "1.2.840.10008.1.2.4.102": "video/mp4",
    "1.2.840.10008.1.2.4.103": "video/mp4",
    "1.2.840.10008.1.2.4.104": "video/mp4",
    "1.2.840.10008.1.2.4.105": "video/mp4",
    "1.2.840.10008.1.2.4.106": "video/mp4",
    "1.2.840.10008.1.2.4.107": "video/H265",
    "1.2.840.10008.1.2.4.108": "video/H265",
}
"""Media types of frames by transfer syntax (PS3.18 table 8.7.3-5); all else are octets."""
DEFAULTS: Final = {
    OCTETS: EXPLICIT_LITTLE,
    DICOM: EXPLICIT_LITTLE,
    "image/jpeg": "1.2.840.10008.1.2.4.70",
    "image/jls": "1.2.840.10008.1.2.4.80",
    "image/jp2": "1.2.840.10008.1.2.4.90",
    "image/jpx": "1.2.840.10008.1.2.4.92",
    "image/jphc": "1.2.840.10008.1.2.4.201",
    "image/jxl": "1.2.840.10008.1.2.4.110",
    "image/dicom-rle": "1.2.840.10008.1.2.5",
}
"""Transfer syntax that a media type stands for where none is stated (the same table)."""
_SEPARATED = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_PARAMETER = re.compile(r';\s*([!#$%&\'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))')


@dataclass(frozen=True, slots=True)
class Wish:
    """One media range of an Accept header.

    Parameters
    ----------
    media
        Media type in small letters; of multipart/related that of its parts.
    is_multipart
        Whether the answer is to be multipart/related.
    transfer_syntax
        UID, `STORED`, or None where nothing is said.
    quality
        0 to 1.
    """

    media: str
    is_multipart: bool = False
    transfer_syntax: str | None = None
    quality: float = 1.0
    parameters: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    def covers(self, media: str) -> bool:
        """Whether a media type is in the range."""
        kind, _, sub = self.media.partition("/")
        return self.media in ("*/*", media) or (sub == "*" and media.startswith(f"{kind}/"))


def wishes(text: str) -> tuple[Wish, ...]:
    """Read an Accept header; the best first, those of quality 0 left out.

    An empty one accepts everything.

    Raises
    ------
    HTTPException
        400 if it is malformed or too long.
    """
    if len(text) > LONGEST:
        raise HTTPException(400, "The Accept header is too long")
    parts = [part.strip() for part in _SEPARATED.findall(text) if part.strip()]
    if len(parts) > MOST:
        raise HTTPException(400, "The Accept header has too many media ranges")
    found = [_wish(part) for part in parts] or [Wish("*/*")]
    return tuple(sorted((wish for wish in found if wish.quality > 0), key=lambda wish: -wish.quality))


def _wish(part: str) -> Wish:
    media, *_ = part.split(";", 1)
    given = {}
    for name, quoted, plain in _PARAMETER.findall(part[len(media) :]):
        given[name.lower()] = re.sub(r"\\(.)", r"\1", quoted) or plain
    media = media.strip().lower()
    try:
        quality = min(1.0, max(0.0, float(given.pop("q", "1"))))
    except ValueError:
        raise HTTPException(400, "A quality of the Accept header is no number") from None
    is_multipart = media == MULTIPART
    if is_multipart:
        media = given.get("type", "*/*").strip().lower()
    syntax = given.get("transfer-syntax") or None
    return Wish(media, is_multipart, syntax, quality, tuple(given.items()))


def accepted(request: Request) -> tuple[Wish, ...]:
    """Return what a request accepts: its `accept` parameter, else its Accept header (PS3.18 8.3.3.1)."""
    stated = request.query_params.get("accept")
    return wishes(stated if stated is not None else ",".join(request.headers.getlist("accept")))


def not_acceptable(offered: Iterable[str]) -> HTTPException:
    """Make the error of a request that accepts nothing that is offered."""
    return HTTPException(406, f"Nothing that is accepted can be sent; there are {', '.join(offered)}")


def text_type(request: Request) -> str:
    """Return the media type for an answer of text: `JSON` or `XML`.

    Raises
    ------
    HTTPException
        406 if neither is accepted.
    """
    for wish in accepted(request):
        if not wish.is_multipart and (wish.covers(JSON) or wish.covers("application/json")):
            return JSON
        if wish.covers(XML) or wish.covers("application/xml"):
            return XML
    raise not_acceptable((JSON, f'{MULTIPART}; type="{XML}"'))


def object_syntaxes(choices: Iterable[Wish]) -> tuple[str, ...]:
    """Return the transfer syntaxes accepted for whole instances, the best first.

    Where none is stated that is `DEFAULT`; for any media type what is stored.
    """
    found = []
    for wish in choices:
        if wish.covers(DICOM):
            any_type = wish.media != DICOM and wish.transfer_syntax is None
            found.append(STORED if any_type else wish.transfer_syntax or DEFAULT)
    return tuple(dict.fromkeys(found))


def frame_syntaxes(choices: Iterable[Wish], stored: str) -> tuple[str, ...]:
    """Return the transfer syntaxes accepted for frames that are stored in one, the best first.

    A media type without a transfer syntax stands for its default; ``*`` and any media type for what is
    stored.
    """
    found = []
    for wish in choices:
        if wish.transfer_syntax in (STORED, None) and (wish.transfer_syntax or "*" in wish.media):
            if wish.media == OCTETS or wish.covers(MEDIA_TYPES.get(stored, OCTETS)):
                found.append(stored)
        elif wish.transfer_syntax is None:
            default = DEFAULTS.get(wish.media)
            if MEDIA_TYPES.get(stored) == wish.media and _is_like(stored, default):
                found.append(stored)
            elif default is not None:
                found.append(default)
        elif wish.media in (OCTETS, "*/*", MEDIA_TYPES.get(wish.transfer_syntax)):
            found.append(wish.transfer_syntax)
    return tuple(dict.fromkeys(found))


def _is_like(stored: str, default: str | None) -> bool:
    """Whether frames are of the codec that a media type stands for, and need not be encoded again."""
    return default is not None and transfer_syntax(stored, encapsulated=True).codec is (
        transfer_syntax(default, encapsulated=True).codec
    )


def frame_media_type(syntax: str) -> str:
    """Media type of frames in a transfer syntax."""
    return MEDIA_TYPES.get(syntax, OCTETS)
