"""Protocol data units of the upper layer, both ways (PS3.8 9.3).

P-DATA-TF PDUs have no class of their own: an association reads and writes their fragments in place, so that
no data set is copied; `fragment_header` and `FRAGMENT` give their layout (PS3.8 9.3.5).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from medvox.core.errors import FormatError
from medvox.network.upper_layer.items import (
    APPLICATION_CONTEXT,
    MAX_CONTEXTS,
    ContextResult,
    ProposedContext,
    UserInformation,
    decode_proposed,
    decode_result,
    encode_proposed,
    encode_result,
    item,
    items,
    uid_text,
)
from medvox.network.upper_layer.user_information import decode_user_information, encode_user_information

HEADER = struct.Struct(">BxI")
"""Type, reserved, length of what follows."""
FRAGMENT = struct.Struct(">IBB")
"""Length of what follows the length, presentation context, message control header (PS3.8 9.3.5.1, E.2)."""
COMMAND, LAST = 1, 2
"""Bits of the message control header: part of a command set; last fragment (PS3.8 E.2)."""
_FIXED = 68
_PROTOCOL_VERSION = 1


class Kind(IntEnum):
    """PDU types (PS3.8 9.3.1)."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    P_DATA = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """A-ASSOCIATE-RQ (PS3.8 9.3.2).

    Parameters
    ----------
    called_ae, calling_ae
        Application entity titles of at most 16 characters, without padding.
    contexts
        Presentation contexts in the order proposed.
    user
        User information.
    """

    called_ae: str
    calling_ae: str
    contexts: tuple[ProposedContext, ...]
    user: UserInformation
    application_context: str = APPLICATION_CONTEXT
    version: int = _PROTOCOL_VERSION


@dataclass(frozen=True, slots=True)
class AssociateAccept:
    """A-ASSOCIATE-AC (PS3.8 9.3.3); the titles repeat those of the request."""

    called_ae: str
    calling_ae: str
    contexts: tuple[ContextResult, ...]
    user: UserInformation
    application_context: str = APPLICATION_CONTEXT


@dataclass(frozen=True, slots=True)
class AssociateReject:
    """A-ASSOCIATE-RJ (PS3.8 9.3.4): result 1 permanent or 2 transient, source 1 to 3, reason by source."""

    result: int
    source: int
    reason: int

    @property
    def words(self) -> str:
        """What the three numbers say (PS3.8 table 9-21)."""
        lasting = "for good" if self.result == 1 else "for now"
        return f"{_REJECTIONS.get((self.source, self.reason), 'no reason given')} ({lasting})"


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """A-RELEASE-RQ (PS3.8 9.3.6)."""


@dataclass(frozen=True, slots=True)
class ReleaseReply:
    """A-RELEASE-RP (PS3.8 9.3.7)."""


@dataclass(frozen=True, slots=True)
class Abort:
    """A-ABORT (PS3.8 9.3.8): source 0 user or 2 provider, reason of a provider.

    Reasons: 0 none, 1 unrecognized PDU, 2 unexpected PDU, 4 unrecognized parameter, 5 unexpected parameter,
    6 invalid parameter value.
    """

    source: int
    reason: int = 0


Pdu = AssociateRequest | AssociateAccept | AssociateReject | ReleaseRequest | ReleaseReply | Abort

_REJECTIONS = {
    (1, 1): "the peer gives no reason",
    (1, 2): "the peer does not support the application context",
    (1, 3): "the peer does not recognize the calling AE title",
    (1, 7): "the peer does not recognize the called AE title",
    (2, 1): "the peer gives no reason",
    (2, 2): "the peer does not support the protocol version",
    (3, 1): "the peer is congested",
    (3, 2): "the peer has reached a local limit",
}


def encode(pdu: Pdu) -> bytes:
    """Encode one PDU with its header."""
    match pdu:
        case AssociateRequest():
            contexts = b"".join(map(encode_proposed, pdu.contexts))
            return _frame(Kind.ASSOCIATE_RQ, _associate(pdu, contexts))
        case AssociateAccept():
            return _frame(Kind.ASSOCIATE_AC, _associate(pdu, b"".join(map(encode_result, pdu.contexts))))
        case AssociateReject():
            return _frame(Kind.ASSOCIATE_RJ, bytes((0, pdu.result, pdu.source, pdu.reason)))
        case ReleaseRequest():
            return _frame(Kind.RELEASE_RQ, bytes(4))
        case ReleaseReply():
            return _frame(Kind.RELEASE_RP, bytes(4))
        case Abort():
            return _frame(Kind.ABORT, bytes((0, 0, pdu.source, pdu.reason)))


def decode(kind: int, body: bytes) -> Pdu:
    """Decode the body of a PDU of any type but P-DATA-TF.

    Raises
    ------
    FormatError
        If the type is not known or the body breaks the rules of PS3.8 9.3.
    """
    match kind:
        case Kind.ASSOCIATE_RQ:
            return _decode_request(body)
        case Kind.ASSOCIATE_AC:
            return _decode_accept(body)
        case Kind.ASSOCIATE_RJ:
            _exactly(body, 4, "A-ASSOCIATE-RJ")
            return AssociateReject(body[1], body[2], body[3])
        case Kind.RELEASE_RQ:
            _exactly(body, 4, "A-RELEASE-RQ")
            return ReleaseRequest()
        case Kind.RELEASE_RP:
            _exactly(body, 4, "A-RELEASE-RP")
            return ReleaseReply()
        case Kind.ABORT:
            _exactly(body, 4, "A-ABORT")
            return Abort(body[2], body[3])
    raise FormatError("unknown PDU type", got=f"{kind:02X}H")


def fragment_header(context: int, control: int, length: int) -> bytes:
    """Header of a P-DATA-TF PDU that holds one fragment of `length` bytes (PS3.8 9.3.5)."""
    return HEADER.pack(Kind.P_DATA, length + 6) + FRAGMENT.pack(length + 2, context, control)


def _frame(kind: Kind, body: bytes) -> bytes:
    return HEADER.pack(kind, len(body)) + body


def _exactly(body: bytes, length: int, where: str) -> None:
    if len(body) != length:
        raise FormatError("wrong length of a PDU", where=where, got=len(body), expected=length)


def _associate(pdu: AssociateRequest | AssociateAccept, contexts: bytes) -> bytes:
    titles = _title(pdu.called_ae) + _title(pdu.calling_ae)
    name = item(0x10, pdu.application_context.encode())
    fixed = struct.pack(">HH", _PROTOCOL_VERSION, 0) + titles + bytes(32)
    return fixed + name + contexts + encode_user_information(pdu.user)


def _title(name: str) -> bytes:
    text = name.encode("ascii", "replace")
    if len(text) > 16:
        raise FormatError("an AE title has at most 16 characters", got=len(text))
    return text.ljust(16)


def _fixed(body: bytes, where: str) -> tuple[int, str, str]:
    if len(body) < _FIXED:
        raise FormatError("the PDU is cut short", where=where, got=len(body), expected=_FIXED)
    called, calling = (body[k : k + 16].decode("latin-1").strip(" \0") for k in (4, 20))
    return struct.unpack_from(">H", body)[0], called, calling


def _decode_request(body: bytes) -> AssociateRequest:
    where = "A-ASSOCIATE-RQ"
    version, called, calling = _fixed(body, where)
    application, contexts, user = "", [], None
    for kind, value in items(body[_FIXED:], where):
        if kind == 0x10:
            application = uid_text(value, where)
        elif kind == 0x20:
            contexts.append(decode_proposed(value))
        elif kind == 0x50:
            user = decode_user_information(value)
    _distinct([context.id for context in contexts], where)
    if user is None or not contexts:
        raise FormatError("user information or presentation contexts are missing", where=where)
    return AssociateRequest(called, calling, tuple(contexts), user, application, version)


def _decode_accept(body: bytes) -> AssociateAccept:
    where = "A-ASSOCIATE-AC"
    _, called, calling = _fixed(body, where)
    application, contexts, user = "", [], None
    for kind, value in items(body[_FIXED:], where):
        if kind == 0x10:
            application = uid_text(value, where)
        elif kind == 0x21:
            contexts.append(decode_result(value))
        elif kind == 0x50:
            user = decode_user_information(value)
    _distinct([context.id for context in contexts], where)
    if user is None:
        raise FormatError("user information is missing", where=where)
    return AssociateAccept(called, calling, tuple(contexts), user, application)


def _distinct(numbers: list[int], where: str) -> None:
    if len(numbers) > MAX_CONTEXTS or len(set(numbers)) != len(numbers):
        raise FormatError("a presentation context is given twice", where=where)
