"""Command sets: implicit VR little endian elements of group 0000 (PS3.7 6.3, 9.3, E)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from functools import lru_cache

from medvox.core.errors import FormatError

NO_DATA = 0x0101
"""Command Data Set Type: no data set follows (PS3.7 E.1)."""
MAX_COMMAND = 1 << 16
"""Bytes of a command set that are taken; the longest of the standard have a few hundred."""
_REMEMBERED = 64
"""Commands remembered as bytes and back: a query's answers and a retrieval's reports repeat one."""
_RESPONSE = 0x8000
_ELEMENT = struct.Struct("<HHI")


class Operation(IntEnum):
    """Command Field of the requests (PS3.7 E.1); a response has the highest bit set besides."""

    C_STORE = 0x0001
    C_GET = 0x0010
    C_FIND = 0x0020
    C_MOVE = 0x0021
    C_ECHO = 0x0030
    N_EVENT_REPORT = 0x0100
    N_GET = 0x0110
    N_SET = 0x0120
    N_ACTION = 0x0130
    N_CREATE = 0x0140
    N_DELETE = 0x0150
    C_CANCEL = 0x0FFF


class Status(IntEnum):
    """Status (0000,0900) of responses (PS3.7 C, PS3.4 B.2.3, C.4)."""

    SUCCESS = 0x0000
    OPTIONAL_ATTRIBUTES_NOT_SUPPORTED = 0x0001
    NO_SUCH_ATTRIBUTE = 0x0105
    INVALID_ATTRIBUTE_VALUE = 0x0106
    ATTRIBUTE_LIST_ERROR = 0x0107
    PROCESSING_FAILURE = 0x0110
    DUPLICATE_SOP_INSTANCE = 0x0111
    NO_SUCH_SOP_INSTANCE = 0x0112
    NO_SUCH_EVENT_TYPE = 0x0113
    NO_SUCH_ARGUMENT = 0x0114
    INVALID_ARGUMENT_VALUE = 0x0115
    ATTRIBUTE_OUT_OF_RANGE = 0x0116
    INVALID_SOP_INSTANCE = 0x0117
    NO_SUCH_SOP_CLASS = 0x0118
    CLASS_INSTANCE_CONFLICT = 0x0119
    MISSING_ATTRIBUTE = 0x0120
    MISSING_ATTRIBUTE_VALUE = 0x0121
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NO_SUCH_ACTION_TYPE = 0x0123
    NOT_AUTHORIZED = 0x0124
    DUPLICATE_INVOCATION = 0x0210
    UNRECOGNIZED_OPERATION = 0x0211
    MISTYPED_ARGUMENT = 0x0212
    RESOURCE_LIMITATION = 0x0213
    OUT_OF_RESOURCES = 0xA700
    CANNOT_COUNT_MATCHES = 0xA701
    CANNOT_PERFORM_SUBOPERATIONS = 0xA702
    DESTINATION_UNKNOWN = 0xA801
    DATA_SET_MISMATCH = 0xA900
    SUBOPERATIONS_WARNING = 0xB000
    CANNOT_UNDERSTAND = 0xC000
    CANCELED = 0xFE00
    PENDING = 0xFF00
    PENDING_OPTIONAL_KEYS = 0xFF01


@dataclass(frozen=True, slots=True)
class Command:
    """A command set; elements that are None are not in it (PS3.7 E.1).

    Parameters
    ----------
    command_field
        (0000,0100), an `Operation`, with 8000H in responses.
    message_id, responded_to
        (0000,0110), (0000,0120).
    sop_class_uid, sop_instance_uid
        Affected SOP Class and Instance UID (0000,0002), (0000,1000).
    requested_sop_class_uid, requested_sop_instance_uid
        (0000,0003), (0000,1001).
    data_set_type
        (0000,0800): 0101H when no data set follows.
    status
        (0000,0900).
    attributes
        Attribute Identifier List (0000,1005): tags.
    """

    command_field: int
    message_id: int | None = None
    responded_to: int | None = None
    sop_class_uid: str | None = None
    requested_sop_class_uid: str | None = None
    move_destination: str | None = None
    priority: int | None = None
    data_set_type: int = NO_DATA
    status: int | None = None
    error_comment: str | None = None
    error_id: int | None = None
    sop_instance_uid: str | None = None
    requested_sop_instance_uid: str | None = None
    event_type: int | None = None
    attributes: tuple[int, ...] | None = None
    action_type: int | None = None
    remaining: int | None = None
    completed: int | None = None
    failed: int | None = None
    warnings: int | None = None
    originator_ae: str | None = None
    originator_id: int | None = None

    @property
    def has_data(self) -> bool:
        """Whether a data set follows."""
        return self.data_set_type != NO_DATA

    @property
    def is_response(self) -> bool:
        """Whether this answers a request."""
        return bool(self.command_field & _RESPONSE) and self.command_field != Operation.C_CANCEL

    @property
    def is_normalized(self) -> bool:
        """Whether it is of an N- service (PS3.7 10)."""
        return Operation.N_EVENT_REPORT <= self.command_field & ~_RESPONSE <= Operation.N_DELETE

    def reply(self, status: int, *, has_data: bool = False, comment: str | None = None) -> Command:
        """Return the response to this request (PS3.7 9.3).

        Parameters
        ----------
        status
            Status of the response.
        has_data
            Whether a data set goes with it.
        comment
            Error Comment (0000,0902), cut to 64 characters; no patient data.
        """
        return Command(
            command_field=self.command_field | _RESPONSE,
            responded_to=self.message_id,
            sop_class_uid=self.sop_class_uid or self.requested_sop_class_uid,
            sop_instance_uid=self.sop_instance_uid or self.requested_sop_instance_uid,
            event_type=self.event_type,
            action_type=self.action_type,
            data_set_type=0x0001 if has_data else NO_DATA,
            status=status,
            error_comment=None if comment is None else comment[:64],
        )

    def counting(self, remaining: int | None, completed: int, failed: int, warnings: int) -> Command:
        """Return this response with the numbers of sub-operations (PS3.7 9.1.3.1)."""
        return replace(self, remaining=remaining, completed=completed, failed=failed, warnings=warnings)


_NUMBER, _UID, _TEXT, _TAGS = "US", "UI", "text", "AT"
_LAYOUT: dict[int, tuple[str, str]] = {
    0x0002: ("sop_class_uid", _UID),
    0x0003: ("requested_sop_class_uid", _UID),
    0x0100: ("command_field", _NUMBER),
    0x0110: ("message_id", _NUMBER),
    0x0120: ("responded_to", _NUMBER),
    0x0600: ("move_destination", _TEXT),
    0x0700: ("priority", _NUMBER),
    0x0800: ("data_set_type", _NUMBER),
    0x0900: ("status", _NUMBER),
    0x0902: ("error_comment", _TEXT),
    0x0903: ("error_id", _NUMBER),
    0x1000: ("sop_instance_uid", _UID),
    0x1001: ("requested_sop_instance_uid", _UID),
    0x1002: ("event_type", _NUMBER),
    0x1005: ("attributes", _TAGS),
    0x1008: ("action_type", _NUMBER),
    0x1020: ("remaining", _NUMBER),
    0x1021: ("completed", _NUMBER),
    0x1022: ("failed", _NUMBER),
    0x1023: ("warnings", _NUMBER),
    0x1030: ("originator_ae", _TEXT),
    0x1031: ("originator_id", _NUMBER),
}
assert {name for name, _ in _LAYOUT.values()} == {field.name for field in fields(Command)}


@lru_cache(_REMEMBERED)
def encode_command(command: Command) -> bytes:
    """Encode a command set with its group length, elements in order of their tags (PS3.7 6.3.1)."""
    body = b""
    for element, (name, kind) in _LAYOUT.items():
        value = getattr(command, name)
        if value is None:
            continue
        if kind == _NUMBER:
            data = struct.pack("<H", value)
        elif kind == _TAGS:
            data = b"".join(struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in value)
        else:
            data = value.encode("ascii", "replace")
            data += (b"\0" if kind == _UID else b" ") * (len(data) % 2)
        body += _ELEMENT.pack(0, element, len(data)) + data
    return _ELEMENT.pack(0, 0, 4) + struct.pack("<I", len(body)) + body


@lru_cache(_REMEMBERED)
def decode_command(data: bytes) -> Command:
    """Decode a command set; elements that this cannot name are passed over.

    Raises
    ------
    FormatError
        If an element is cut short, is not of group 0000, or the Command Field or Data Set Type is missing.
    """
    found: dict[str, int | str | tuple[int, ...]] = {}
    place = 0
    while place < len(data):
        if place + 8 > len(data):
            raise FormatError("the command set is cut short", where=f"byte {place}")
        group, element, length = _ELEMENT.unpack_from(data, place)
        place += 8
        if group or place + length > len(data):
            raise FormatError("an element of the command set is wrong", where=f"byte {place - 8}")
        if element in _LAYOUT:
            name, kind = _LAYOUT[element]
            found[name] = _value(data[place : place + length], kind, element)
        place += length
    if not {"command_field", "data_set_type"} <= found.keys():
        raise FormatError("Command Field or Command Data Set Type is missing")
    return Command(**found)  # type: ignore[arg-type]


def _value(data: bytes, kind: str, element: int) -> int | str | tuple[int, ...]:
    if kind == _TAGS:
        if len(data) % 4:
            raise FormatError("a list of tags is cut short", where=f"(0000,{element:04X})")
        return tuple(group << 16 | number for group, number in struct.iter_unpack("<HH", data))
    if kind == _NUMBER:
        if len(data) < 2:
            raise FormatError("a number of the command set is missing", where=f"(0000,{element:04X})")
        return int(struct.unpack_from("<H", data)[0])
    return data.decode("ascii", "replace").strip("\0 ")
