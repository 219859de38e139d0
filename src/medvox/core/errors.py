"""Errors: one tree, every leaf also a matching builtin.

::

    MedvoxError
    ├─ UsageError            (ValueError)          an argument or option is wrong
    ├─ FormatError           (ValueError)          a file is not what it says it is
    │  ├─ UnknownFormatError                       no format recognises the content
    │  ├─ TruncatedError     (EOFError)            bytes are missing
    │  ├─ UnsupportedError   (NotImplementedError) valid, but this cannot be decoded or written here
    │  └─ LimitError         (OverflowError)       a header claims more than the limits allow
    ├─ GeometryError         (ValueError)          positions, spacing or orientation make no grid
    ├─ AmbiguityError        (ValueError)          the data do not settle the answer; `choices` lists it
    ├─ MissingError          (FileNotFoundError)   a file, series, tag or segment is not there
    ├─ AccessError           (PermissionError)     the system refuses to read or write
    ├─ WriteError            (OSError)             writing failed; nothing half written is left
    ├─ DependencyError       (ImportError)         an optional package is needed; names what to install
    ├─ NetworkError          (ConnectionError)     a peer refuses, breaks off or breaks the rules
    │  └─ NetworkTimeoutError (TimeoutError)       a peer does not answer in time
    └─ CancelledError        (RuntimeError)        the caller asked to stop

The text says what, where (file, tag, byte, frame), what was got and expected, and what to do.
Patient data never goes into an error.
"""

from __future__ import annotations

from collections.abc import Sequence


class MedvoxError(Exception):
    """Root of all errors raised by medvox on purpose.

    Parameters
    ----------
    what
        The fault, in one sentence without a full stop.
    where
        File, tag, byte offset or frame.
    got, expected
        The value met and the value that would have been right; of a list, any one would have been.
    advice
        What the reader can do about it.
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        got: object = None,
        expected: object = None,
        advice: str | None = None,
    ) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.got = got
        self.expected = ", ".join(map(str, expected)) if isinstance(expected, list | tuple) else expected
        self.advice = advice
        super().__init__(self._text())

    @property
    def reason(self) -> str:
        """The text without its place, for a Finding that names the place itself."""
        text = self.what
        if self.got is not None:
            text += f" (got {self.got}"
            text += f", expected {self.expected})" if self.expected is not None else ")"
        elif self.expected is not None:
            text += f" (expected {self.expected})"
        if self.advice:
            text += f". {self.advice}"
        return text

    def _text(self) -> str:
        return self.reason if self.where is None else f"{self.where}: {self.reason}"


class UsageError(MedvoxError, ValueError):
    """An argument or option is wrong."""


class FormatError(MedvoxError, ValueError):
    """A file is not what it says it is."""


class UnknownFormatError(FormatError):
    """No format recognises the content."""


class TruncatedError(FormatError, EOFError):
    """Bytes are missing."""


class UnsupportedError(FormatError, NotImplementedError):
    """The input is valid, but this cannot be decoded or written here."""


class LimitError(FormatError, OverflowError):
    """A header claims more than the limits allow."""


class GeometryError(MedvoxError, ValueError):
    """Positions, spacing or orientation make no grid."""


class AmbiguityError(MedvoxError, ValueError):
    """The data do not settle the answer.

    Parameters
    ----------
    choices
        The answers that are possible, in words that a caller can hand back.
    """

    def __init__(
        self,
        what: str,
        *,
        choices: Sequence[str] = (),
        where: object = None,
        advice: str | None = None,
    ) -> None:
        self.choices = tuple(choices)
        if advice is None and self.choices:
            advice = "Choose one of: " + ", ".join(self.choices)
        super().__init__(what, where=where, advice=advice)


class MissingError(MedvoxError, FileNotFoundError):
    """A file, series, tag or segment is not there."""


class AccessError(MedvoxError, PermissionError):
    """The system refuses to read or write."""


class WriteError(MedvoxError, OSError):
    """Writing failed; nothing half written is left."""


class DependencyError(MedvoxError, ImportError):
    """An optional package is needed; the text names what to install."""


class NetworkError(MedvoxError, ConnectionError):
    """A peer cannot be reached, refuses, breaks off or breaks the rules of the protocol."""


class NetworkTimeoutError(NetworkError, TimeoutError):
    """A peer does not answer in time."""


class CancelledError(MedvoxError, RuntimeError):
    """The caller asked to stop."""
