"""Codec of the user information item 50H and its sub-items (PS3.8 D, PS3.7 D.3.3)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

from medvox.core.errors import FormatError
from medvox.network.upper_layer.items import (
    CommonExtended,
    ExtendedNegotiation,
    Role,
    UserIdentity,
    UserInformation,
    item,
    items,
    uid_text,
)

_WHERE = "user information"


def encode_user_information(user: UserInformation) -> bytes:
    """Encode the user information item (50H)."""
    body = item(0x51, struct.pack(">I", user.max_length)) + item(0x52, user.implementation_uid.encode())
    if user.window is not None:
        body += item(0x53, struct.pack(">HH", *user.window))
    for role in user.roles:
        body += item(0x54, _field(role.sop_class_uid.encode()) + bytes((role.scu, role.scp)))
    if user.implementation_version:
        body += item(0x55, user.implementation_version.encode("ascii", "replace")[:16])
    for extended in user.extended:
        body += item(0x56, _field(extended.sop_class_uid.encode()) + extended.information)
    for common in user.common:
        related = b"".join(_field(uid.encode()) for uid in common.related)
        names = _field(common.sop_class_uid.encode()) + _field(common.service_class_uid.encode())
        body += item(0x57, names + _field(related))
    if user.identity is not None:
        who = user.identity
        body += item(0x58, bytes((who.kind, who.wants_reply)) + _field(who.primary) + _field(who.secondary))
    if user.identity_reply is not None:
        body += item(0x59, _field(user.identity_reply))
    return item(0x50, body)


def decode_user_information(body: bytes) -> UserInformation:
    """Decode the body of the user information item (50H); unknown sub-items are passed over (PS3.8 9.3.1).

    Raises
    ------
    FormatError
        If a sub-item is cut short or holds no UID where one must be.
    """
    user = UserInformation(max_length=0, implementation_uid="")
    for kind, value in items(body, _WHERE):
        read = _READERS.get(kind)
        if read is not None:
            user = read(user, value)
    return user


def _field(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def _take(value: bytes, place: int) -> tuple[bytes, int]:
    """Read a field with its length of two bytes, at `place`."""
    if place + 2 > len(value):
        raise FormatError("a field is cut short", where=_WHERE)
    (length,) = struct.unpack_from(">H", value, place)
    end = place + 2 + length
    if end > len(value):
        raise FormatError("a field claims more bytes than there are", where=_WHERE, got=length)
    return value[place + 2 : end], end


def _need(value: bytes, count: int) -> None:
    if len(value) < count:
        raise FormatError("a sub-item is cut short", where=_WHERE, got=len(value), expected=count)


def _max_length(user: UserInformation, value: bytes) -> UserInformation:
    _need(value, 4)
    return replace(user, max_length=struct.unpack_from(">I", value)[0])


def _implementation(user: UserInformation, value: bytes) -> UserInformation:
    return replace(user, implementation_uid=value.rstrip(b"\0 ").decode("ascii", "replace")[:64])


def _version(user: UserInformation, value: bytes) -> UserInformation:
    return replace(user, implementation_version=value.decode("ascii", "replace").strip()[:16])


def _window(user: UserInformation, value: bytes) -> UserInformation:
    _need(value, 4)
    return replace(user, window=struct.unpack_from(">HH", value))


def _role(user: UserInformation, value: bytes) -> UserInformation:
    uid, place = _take(value, 0)
    _need(value, place + 2)
    role = Role(uid_text(uid, _WHERE), bool(value[place]), bool(value[place + 1]))
    return replace(user, roles=(*user.roles, role))


def _extended(user: UserInformation, value: bytes) -> UserInformation:
    uid, place = _take(value, 0)
    extended = ExtendedNegotiation(uid_text(uid, _WHERE), value[place:])
    return replace(user, extended=(*user.extended, extended))


def _common(user: UserInformation, value: bytes) -> UserInformation:
    sop_class, place = _take(value, 0)
    service, place = _take(value, place)
    block, _ = _take(value, place) if place < len(value) else (b"", place)
    related, place = [], 0
    while place < len(block):
        uid, place = _take(block, place)
        related.append(uid_text(uid, _WHERE))
    common = CommonExtended(uid_text(sop_class, _WHERE), uid_text(service, _WHERE), tuple(related))
    return replace(user, common=(*user.common, common))


def _identity(user: UserInformation, value: bytes) -> UserInformation:
    _need(value, 2)
    primary, place = _take(value, 2)
    secondary, _ = _take(value, place) if place < len(value) else (b"", place)
    return replace(user, identity=UserIdentity(value[0], bool(value[1]), primary, secondary))


def _identity_reply(user: UserInformation, value: bytes) -> UserInformation:
    return replace(user, identity_reply=_take(value, 0)[0])


_READERS: dict[int, Callable[[UserInformation, bytes], UserInformation]] = {
    0x51: _max_length,
    0x52: _implementation,
    0x53: _window,
    0x54: _role,
    0x55: _version,
    0x56: _extended,
    0x57: _common,
    0x58: _identity,
    0x59: _identity_reply,
}
