"""Logs of a node: one JSON object a line, and nothing of a patient in any.

What comes through is what is known to be harmless, not what is not known to be harmful: the fixed text of a
message of medvox, numbers, UIDs, addresses, errors of medvox (which hold no patient data), and what is marked
as `Plain`, such as AE titles. Other arguments, texts of other errors and messages of other packages, which
may quote a file, are left out.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import logging
import re
import sys
from enum import Enum
from pathlib import PurePath
from typing import Any, Final, TextIO

from medvox.core.errors import MedvoxError

HIDDEN: Final = "…"
"""Stands for what was left out."""
_UID: Final = re.compile(r"[012](\.[0-9]+)+")
_KIND: Final = re.compile(r"[A-Z][A-Za-z]*(Error|Exception|Interrupt|Warning)")
_OURS: Final = "medvox"
_QUOTED: Final = ("uvicorn.error",)
"""Loggers of others whose fixed texts are passed on."""
_TALKATIVE: Final = ("alembic",)
"""Loggers of others that tell every step."""


class Plain(str):
    """A text known to hold nothing of a patient: an AE title, a path of the settings."""

    __slots__ = ()


class PatientDataFilter(logging.Filter):
    """Replaces in every record what is not known to be harmless; lets all records through."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Make a record harmless."""
        record.msg, record.args = _message(record), None
        if isinstance(record.exc_info, tuple):
            record.msg = f"{record.msg} {_place(record.exc_info[1])}".strip()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON: time (UTC), level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        when = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
        line = {
            "time": when,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        return json.dumps(line, ensure_ascii=False)


def set_up_logs(level: str = "info", stream: TextIO | None = None) -> logging.Handler:
    """Write the logs of the whole process as JSON, without patient data; return what writes them.

    Parameters
    ----------
    level
        ``"debug"``, ``"info"``, ``"warning"`` or ``"error"``.
    stream
        Where to; None: the standard error stream.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(PatientDataFilter())
    root = logging.getLogger()
    for other in list(root.handlers):
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    return handler


def _message(record: logging.LogRecord) -> str:
    is_ours = record.name == _OURS or record.name.startswith(_OURS + ".")
    if not is_ours and record.name not in _QUOTED:
        return f"a message of {record.module}, line {record.lineno}"
    if not isinstance(record.msg, str):
        return _shown(record.msg)
    if not record.args:
        return record.msg if is_ours else HIDDEN
    given = record.args
    try:
        if isinstance(given, dict):
            return record.msg % {name: _argument(value) for name, value in given.items()}
        return record.msg % tuple(_argument(value) for value in given)
    except (TypeError, ValueError, KeyError):
        return record.msg


def _argument(value: Any) -> Any:
    """Return a number as it is, so that %d and %.1f work, and anything else as harmless text."""
    return value if type(value) in (int, float, bool) else _shown(value)


def _shown(value: Any) -> str:
    if value is None or isinstance(value, Plain | Enum | MedvoxError | int | float):
        return str(value)
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, PurePath):
        return HIDDEN + value.suffix
    text = str(value) if isinstance(value, str) else ""
    is_plain = _UID.fullmatch(text) or _KIND.fullmatch(text) or _is_address(text)
    return text if is_plain else HIDDEN


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _place(error: BaseException | None) -> str:
    """Return kind and place of an exception; its own text may quote a file."""
    trace = error.__traceback__ if error is not None else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if error is None or trace is None:
        return type(error).__name__ if error is not None else ""
    return f"{type(error).__name__} at {PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
