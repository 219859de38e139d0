"""Native DICOM Model: DICOM JSON objects as XML (PS3.19 A.1), one part of a multipart answer each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from fastapi import Response

from medvox.server.dicomweb import multipart
from medvox.server.dicomweb.negotiation import XML

_NAMES: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_FORBIDDEN: Final = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535))


def answer(array: bytes, status: int = 200) -> Response:
    """Answer with the objects of a JSON array, each as an XML document in a part of its own."""
    documents = [document(one).encode() for one in json.loads(array)]
    parts = [multipart.part_head(XML, len(text)) + text for text in documents]
    body = b"".join((*parts, multipart.END))[2:]
    return Response(body, status, headers={"Content-Type": multipart.content_type(XML)})


def document(data: Mapping[str, Any]) -> str:
    """Return the XML document of a data set."""
    body = "".join(_elements(data))
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f'{head}<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">{body}</NativeDicomModel>'


def _elements(data: Mapping[str, Any]) -> Iterator[str]:
    from pydicom.datadict import keyword_for_tag

    for tag, element in data.items():
        keyword = keyword_for_tag(int(tag, 16))
        named = f" keyword={quoteattr(keyword)}" if keyword else ""
        body = "".join(_content(element))
        yield f'<DicomAttribute tag="{tag}" vr={quoteattr(element["vr"])}{named}>{body}</DicomAttribute>'


def _content(element: Mapping[str, Any]) -> Iterator[str]:
    if "BulkDataURI" in element:
        yield f"<BulkData uri={quoteattr(element['BulkDataURI'])}/>"
    if "InlineBinary" in element:
        yield f"<InlineBinary>{_text(element['InlineBinary'])}</InlineBinary>"
    for number, value in enumerate(element.get("Value", ()), start=1):
        if element["vr"] == "SQ":
            yield f'<Item number="{number}">{"".join(_elements(value or {}))}</Item>'
        elif element["vr"] == "PN":
            yield f'<PersonName number="{number}">{"".join(_name(value or {}))}</PersonName>'
        elif value is not None:
            yield f'<Value number="{number}">{_text(value)}</Value>'


def _name(groups: Mapping[str, str]) -> Iterator[str]:
    for group, name in groups.items():
        parts = zip(_NAMES, name.split("^"), strict=False)
        yield f"<{group}>{''.join(f'<{tag}>{_text(part)}</{tag}>' for tag, part in parts if part)}</{group}>"


def _text(value: object) -> str:
    return escape(str(value).translate(_FORBIDDEN))
