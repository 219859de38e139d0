"""Text of outline files, within limits."""

from __future__ import annotations

from pathlib import Path

from medvox.core.errors import AccessError, FormatError, LimitError, MissingError

MOST_BYTES = 4 << 30
"""Files beyond this are no outlines."""


def read_text(path: Path) -> str:
    """Whole file as UTF-8, or Latin-1 where it is none.

    Raises
    ------
    MissingError, AccessError, LimitError, FormatError
        If there is no such file, it may not be read, is too large, or is not text.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise LimitError(
                "the file is too large for outlines", where=path, expected=f"<= {MOST_BYTES} bytes"
            )
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise MissingError("no such file", where=path) from error
    except OSError as error:
        raise AccessError("the file cannot be read", where=path) from error
    if b"\0" in data[:4096]:
        raise FormatError("this is no text file", where=path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
