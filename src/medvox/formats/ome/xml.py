"""OME-XML: what Pixels elements say of sizes, distances, times and files (OME schema 2016-06 and older)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

from medvox.core.errors import FormatError, UnsupportedError
from medvox.formats.ome.units import MM, SECONDS

Lengths = tuple[float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class OmeImage:
    """One Image element.

    Parameters
    ----------
    name
        Its name, or empty.
    sizes
        Of X, Y, Z, C and T.
    order
        DimensionOrder, ``"XYCZT"``: X is the fastest.
    kind
        Type of the values, ``"uint16"``.
    spacing_mm
        Along (k, j, i) = (Z, Y, X), None where not given or not a length.
    step_s
        TimeIncrement in seconds, or None.
    times_s
        DeltaT of the first plane of every time point, where all have one.
    channels
        Names of the channels, empty where there is none.
    """

    name: str
    sizes: Mapping[str, int]
    order: str
    kind: str
    spacing_mm: Lengths
    step_s: float | None = None
    times_s: tuple[float, ...] = ()
    channels: tuple[str, ...] = ()

    def lines(self) -> list[tuple[str, str]]:
        """Field and value, for the header browser."""
        size = " ".join(f"{letter}{self.sizes[letter]}" for letter in self.order if letter in self.sizes)
        k, j, i = (f"{v:g}" if v else "?" for v in self.spacing_mm)
        return [
            ("sizes", size),
            ("type", self.kind),
            ("spacing in mm", f"{k} {j} {i}"),
            *([("time increment in s", f"{self.step_s:g}")] if self.step_s else []),
            *([("channels", ", ".join(self.channels))] if any(self.channels) else []),
        ]


def parse(text: str, path: Path) -> list[OmeImage]:
    """Read the images of an OME-XML text.

    Raises
    ------
    FormatError
        If it is no XML, or a size makes no sense.
    UnsupportedError
        If planes are in other files.
    """
    root = _root(text, path)
    _check_files(root, path)
    return [_image(image, path) for image in _all(root, "Image") if _first(image, "Pixels") is not None]


def _root(text: str, path: Path) -> ET.Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise FormatError("OME-XML with a document type is refused", where=path)
    try:
        root = ET.fromstring(text.strip().encode("utf-8"))  # noqa: S314 - no entities, see above
    except (ET.ParseError, ValueError, LookupError) as error:
        raise FormatError("the OME-XML is damaged", where=path, got=type(error).__name__) from error
    if _local(root) != "OME":
        raise FormatError("the XML is no OME-XML", where=path, got=_local(root)[:40])
    return root


def _check_files(root: ET.Element, path: Path) -> None:
    """Refuse what is spread over several files, naming them."""
    binary = _first(root, "BinaryOnly")
    if binary is not None:
        raise UnsupportedError(
            "the OME-XML is in a companion file",
            where=path,
            got=binary.get("MetadataFile", "")[:200],
            advice="Sets of several OME-TIFF files cannot be read: save them as one file",
        )
    own = root.get("UUID")
    named = [(uuid.text or "", uuid.get("FileName", "")) for uuid in _all(root, "UUID")]
    others = sorted({file or text for text, file in named if text.strip() != (own or "").strip()})
    if others and (own is not None or len(others) > 1):
        listed = ", ".join(Path(name).name for name in others[:5]) + (" …" if len(others) > 5 else "")
        raise UnsupportedError(
            "planes are in other files",
            where=path,
            got=listed,
            advice="Sets of several OME-TIFF files cannot be read: save them as one file",
        )


def _image(image: ET.Element, path: Path) -> OmeImage:
    pixels = _first(image, "Pixels")
    assert pixels is not None
    sizes = {letter: _size(pixels, letter, path) for letter in "XYZCT"}
    order = pixels.get("DimensionOrder", "XYZCT")
    if sorted(order) != sorted("XYZCT") or not order.startswith("XY"):
        raise FormatError("DimensionOrder makes no sense", where=path, got=order[:20])
    k, j, i = (_length(pixels, letter) for letter in "ZYX")
    channels = tuple((element.get("Name") or "")[:200] for element in _all(pixels, "Channel"))
    step = _number(pixels.get("TimeIncrement"))
    unit = SECONDS.get(pixels.get("TimeIncrementUnit", "s"))
    return OmeImage(
        name=(image.get("Name") or "")[:200],
        sizes=sizes,
        order=order,
        kind=(pixels.get("Type") or pixels.get("PixelType") or "")[:20],
        spacing_mm=(k, j, i),
        step_s=step * unit if step is not None and unit is not None else None,
        times_s=_times(pixels, sizes["T"]),
        channels=channels if any(channels) else (),
    )


def _times(pixels: ET.Element, count: int) -> tuple[float, ...]:
    """Earliest DeltaT of each time point; empty where one has none."""
    found: dict[int, float] = {}
    for plane in _all(pixels, "Plane"):
        at, delta = _number(plane.get("TheT")), _number(plane.get("DeltaT"))
        unit = SECONDS.get(plane.get("DeltaTUnit", "s"))
        if at is None or delta is None or unit is None:
            continue
        found[int(at)] = min(delta * unit, found.get(int(at), math.inf))
    times = [found.get(n, math.nan) for n in range(count)] if len(found) >= count else [math.nan]
    rising = all(a < b for a, b in pairwise(times))
    return tuple(times) if rising and not math.isnan(times[0]) else ()


def _size(pixels: ET.Element, letter: str, path: Path) -> int:
    text = pixels.get(f"Size{letter}", "1")
    if not re.fullmatch(r"[1-9]\d{0,9}", text):
        raise FormatError(f"Size{letter} is no positive whole number", where=path, got=text[:20])
    return int(text)


def _length(pixels: ET.Element, letter: str) -> float | None:
    value = _number(pixels.get(f"PhysicalSize{letter}"))
    unit = MM.get(pixels.get(f"PhysicalSize{letter}Unit", "µm"))
    return None if value is None or unit is None else value * unit


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _local(element: ET.Element) -> str:
    """Name of an element without its namespace, which differs from one version of the schema to the next."""
    return str(element.tag).rpartition("}")[2]


def _all(element: ET.Element, name: str) -> Iterator[ET.Element]:
    return (found for found in element.iter() if _local(found) == name)


def _first(element: ET.Element, name: str) -> ET.Element | None:
    return next((found for found in element if _local(found) == name), None)
