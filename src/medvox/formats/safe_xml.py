"""XML as a tree, from files that nobody has checked: no DOCTYPE, no entities, no depth without end.

Attacks by XML work through the document type: entities that stand for each other ("billion laughs"), or for
a file or address (external entities). Here the parser is told to stop at the first ``<!DOCTYPE``: no entity
can then be declared, and the five of XML itself are all there are. What is left, deep nesting and plain
length, has limits of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from medvox.core.errors import FormatError, LimitError, MedvoxError

DEEPEST = 100
"""Most elements inside each other."""
MOST_XML = 1 << 28
"""Longest document parsed, in bytes."""


@dataclass(slots=True)
class Element:
    """One element.

    Parameters
    ----------
    name
        Its tag.
    attributes
        As written.
    children
        Elements in it, in order.
    text
        Its own text, that of its children left out.
    """

    name: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def find(self, name: str) -> Element | None:
        """First child of a name, or None."""
        return next(self.all(name), None)

    def all(self, name: str) -> Iterator[Element]:
        """Children of a name."""
        return (child for child in self.children if child.name == name)


def parse_xml(raw: bytes, path: Path) -> Element:
    """Parse a document.

    Parameters
    ----------
    raw
        Its bytes.
    path
        The file, for errors.

    Raises
    ------
    FormatError
        If it is no well-formed XML, or declares a document type.
    LimitError
        If it is nested too deeply, or too long.
    """
    if len(raw) > MOST_XML:
        raise LimitError("the XML is too long", where=path, got=len(raw), expected=f"at most {MOST_XML}")
    builder = _Builder(path)
    try:
        builder.parser.Parse(raw, True)
    except MedvoxError:
        raise
    except (expat.ExpatError, UnicodeError, LookupError, ValueError) as error:
        raise FormatError("the XML is damaged", where=path, got=_place(error)) from error
    if builder.root is None:
        raise FormatError("the XML holds nothing", where=path)
    return builder.root


def _place(error: Exception) -> str:
    if isinstance(error, expat.ExpatError):
        return f"line {error.lineno}, {expat.ErrorString(error.code)}"
    return "an unknown encoding"


class _Builder:
    """Receives what the parser meets."""

    def __init__(self, path: Path) -> None:
        self.root: Element | None = None
        self._path = path
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.buffer_size = 1 << 20
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _refuse(self, *_: object) -> NoReturn:
        raise FormatError(
            "the XML declares a document type, which could hold entities: it is not read",
            where=self._path,
            advice="Remove the <!DOCTYPE …> if the file can be trusted",
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= DEEPEST:
            raise LimitError("the XML is nested too deeply", where=self._path, expected=f"at most {DEEPEST}")
        element = Element(name, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._texts.append([])

    def _end(self, _: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())

    def _text(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)
