"""Items of A-ASSOCIATE PDUs: contexts and user information (PS3.8 9.3.2, 9.3.3, D; PS3.7 D.3.3)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from medvox.core.errors import FormatError

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
"""The DICOM application context name (PS3.7 A.2.1)."""
MAX_CONTEXTS = 128
"""Odd numbers of one byte: more presentation contexts cannot be named (PS3.8 9.3.2.2)."""
_ITEM = struct.Struct(">BxH")
_MAX_UID = 64


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context of a request (PS3.8 9.3.2.2).

    Parameters
    ----------
    id
        Odd number, 1 to 255.
    abstract_syntax, transfer_syntaxes
        UIDs.
    """

    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContextResult:
    """The answer to a presentation context (PS3.8 9.3.3.2).

    Parameters
    ----------
    id
        Number of the proposed context.
    result
        0 accepted, 1 user rejection, 2 no reason, 3 abstract syntax and 4 transfer syntaxes not supported.
    transfer_syntax
        UID; without meaning when not accepted.
    """

    id: int
    result: int
    transfer_syntax: str = ""


@dataclass(frozen=True, slots=True)
class Role:
    """SCP/SCU role selection for one SOP class (PS3.7 D.3.3.4)."""

    sop_class_uid: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class ExtendedNegotiation:
    """SOP class extended negotiation: application information as bytes (PS3.7 D.3.3.5)."""

    sop_class_uid: str
    information: bytes


@dataclass(frozen=True, slots=True)
class CommonExtended:
    """SOP class common extended negotiation (PS3.7 D.3.3.6)."""

    sop_class_uid: str
    service_class_uid: str
    related: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """User identity of a requestor (PS3.7 D.3.3.7).

    Parameters
    ----------
    kind
        1 name, 2 name and passcode, 3 Kerberos, 4 SAML, 5 JSON web token.
    wants_reply
        Whether a positive response is requested.
    primary, secondary
        Name or token, passcode. Never shown in a repr.
    """

    kind: int
    wants_reply: bool
    primary: bytes
    secondary: bytes = b""

    def __repr__(self) -> str:
        return f"UserIdentity(kind={self.kind}, wants_reply={self.wants_reply})"


@dataclass(frozen=True, slots=True)
class UserInformation:
    """The user information item (PS3.8 D.1, PS3.7 D.3.3).

    Parameters
    ----------
    max_length
        Longest P-DATA-TF PDU in bytes that the sender of this item can receive; 0 without limit.
    implementation_uid, implementation_version
        Who made the software.
    window
        Operations invoked and performed at once, or None: one each (PS3.7 D.3.3.3).
    roles, extended, common, identity
        See their classes.
    identity_reply
        Server response of an acceptor that was asked for one.
    """

    max_length: int
    implementation_uid: str
    implementation_version: str = ""
    window: tuple[int, int] | None = None
    roles: tuple[Role, ...] = ()
    extended: tuple[ExtendedNegotiation, ...] = ()
    common: tuple[CommonExtended, ...] = ()
    identity: UserIdentity | None = None
    identity_reply: bytes | None = None


def item(kind: int, body: bytes) -> bytes:
    """Encode one item: type, reserved byte, length, body."""
    if len(body) > 0xFFFF:
        raise FormatError("an item is longer than 65535 bytes", where=f"item {kind:02X}H", got=len(body))
    return _ITEM.pack(kind, len(body)) + body


def items(body: bytes, where: str) -> Iterator[tuple[int, bytes]]:
    """Split the items that follow one another in `body`.

    Raises
    ------
    FormatError
        If one claims more bytes than there are.
    """
    place = 0
    while place < len(body):
        if place + 4 > len(body):
            raise FormatError("bytes are left after the last item", where=where)
        kind, length = _ITEM.unpack_from(body, place)
        place += 4
        if place + length > len(body):
            raise FormatError(f"item {kind:02X}H claims more bytes than there are", where=where, got=length)
        yield kind, body[place : place + length]
        place += length


def uid_text(value: bytes, where: str) -> str:
    """Decode a UID; trailing NUL and blanks, which some peers send, are taken off (PS3.8 F)."""
    text = value.rstrip(b"\0 ")
    if not 0 < len(text) <= _MAX_UID or text.strip(b"0123456789."):
        raise FormatError("no valid UID", where=where)
    return text.decode("ascii")


def encode_proposed(context: ProposedContext) -> bytes:
    """Encode a proposed presentation context item (20H)."""
    body = item(0x30, context.abstract_syntax.encode())
    body += b"".join(item(0x40, uid.encode()) for uid in context.transfer_syntaxes)
    return item(0x20, bytes((context.id, 0, 0, 0)) + body)


def decode_proposed(body: bytes) -> ProposedContext:
    """Decode the body of a proposed presentation context item (20H)."""
    where = "presentation context"
    number = _context_number(body, where)
    abstract: list[str] = []
    transfer: list[str] = []
    for kind, value in items(body[4:], where):
        if kind == 0x30:
            abstract.append(uid_text(value, where))
        elif kind == 0x40:
            transfer.append(uid_text(value, where))
    if len(abstract) != 1 or not transfer:
        raise FormatError("needs one abstract syntax and a transfer syntax", where=where)
    return ProposedContext(number, abstract[0], tuple(transfer))


def encode_result(result: ContextResult) -> bytes:
    """Encode a presentation context result item (21H)."""
    syntax = item(0x40, result.transfer_syntax.encode())
    return item(0x21, bytes((result.id, 0, result.result, 0)) + syntax)


def decode_result(body: bytes) -> ContextResult:
    """Decode the body of a presentation context result item (21H); unaccepted ones may lack their syntax."""
    where = "presentation context result"
    number = _context_number(body, where)
    result = body[2]
    syntax = ""
    for kind, value in items(body[4:], where) if result == 0 else ():
        if kind == 0x40:
            syntax = uid_text(value, where)
    if result == 0 and not syntax:
        raise FormatError("accepted without a transfer syntax", where=where)
    return ContextResult(number, result, syntax)


def _context_number(body: bytes, where: str) -> int:
    if len(body) < 4 or body[0] % 2 == 0:
        raise FormatError("the number of a presentation context must be odd", where=where)
    return body[0]
