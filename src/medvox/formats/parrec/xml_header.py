"""XML beside a REC file (``PRIDE_V5``): the same facts as a PAR file, each attribute by its name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from medvox.core.errors import FormatError
from medvox.formats.parrec.frames import IMAGE_TYPES, Frame, Plane, Recording, Vector
from medvox.formats.safe_xml import Element, parse_xml

ROOT = "PRIDE_V5"
_TYPES = dict(zip("MRIP", IMAGE_TYPES, strict=True))
_PLANES: dict[str, Plane] = {
    "transversal": "transverse",
    "transverse": "transverse",
    "sagittal": "sagittal",
    "coronal": "coronal",
}
_MOST = {
    "slice": "Max No Slices",
    "echo": "Max No Echoes",
    "dynamic": "Max No Dynamics",
    "phase": "Max No Phases",
}


def looks_like_xml(first: bytes) -> float:
    """How sure the first bytes of a file are those of a Philips XML header."""
    start = first[:400]
    return 1.0 if b"<" in start[:8] and b"<PRIDE_V" in start else 0.0


def read_xml(raw: bytes, path: Path) -> Recording:
    """Read an XML header.

    Raises
    ------
    FormatError
        If it is no XML of this kind.
    """
    root = parse_xml(raw, path)
    series, array = root.find("Series_Info"), root.find("Image_Array")
    if not root.name.startswith("PRIDE_V") or series is None or array is None:
        raise FormatError("the XML is no header of a REC file", where=path, got=root.name[:40], expected=ROOT)
    frames = tuple(_frame(_Attributes.of(info, path, n)) for n, info in enumerate(array.all("Image_Info"), 1))
    if not frames:
        raise FormatError("the XML lists no images", where=path)
    general = {a.attributes.get("Name", ""): a.text.strip() for a in series.all("Attribute")}
    known = _Attributes(general, path, 0)
    return Recording(
        root.name,
        general,
        frames,
        known.vector("Angulation") if "Angulation AP" in general else None,
        known.vector("Off Center") if "Off Center AP" in general else None,
        {name: known.whole(key, 0) for name, key in _MOST.items() if key in general},
    )


@dataclass(frozen=True, slots=True)
class _Attributes:
    """Attributes of one image, or of the series, by name."""

    values: dict[str, str]
    path: Path
    number: int

    @classmethod
    def of(cls, info: Element, path: Path, number: int) -> _Attributes:
        keys = info.find("Key")
        found = [*(keys.all("Attribute") if keys else ()), *info.all("Attribute")]
        values = {a.attributes.get("Name", ""): a.text.strip() for a in found}
        if "Slice" not in values or "Index" not in values:
            raise FormatError("an image has no slice or no index", where=path, got=f"image {number}")
        return cls(values, path, number)

    def numbers(self, name: str, default: tuple[float, ...]) -> tuple[float, ...]:
        words = self.values.get(name, "").split()
        if not words:
            return default
        try:
            values = tuple(float(word) for word in words)
        except ValueError as error:
            raise self._error(name) from error
        if len(values) != len(default) or not all(math.isfinite(v) for v in values):
            raise self._error(name)
        return values

    def value(self, name: str, default: float = 0.0) -> float:
        return self.numbers(name, (default,))[0]

    def whole(self, name: str, default: int = 0) -> int:
        value = self.numbers(name, (float(default),))[0]
        if value != int(value) or abs(value) > 1 << 31:
            raise self._error(name)
        return int(value)

    def vector(self, name: str) -> Vector:
        ap, fh, rl = (self.numbers(f"{name} {axis}", (0.0,))[0] for axis in ("AP", "FH", "RL"))
        return ap, fh, rl

    def _error(self, name: str) -> FormatError:
        return FormatError(f"attribute {name!r} is not usable", where=self.path, got=f"image {self.number}")


def _frame(of: _Attributes) -> Frame:
    kind = of.values.get("Type", "M")
    across, down = of.numbers("Pixel Spacing", (0.0, 0.0))
    return Frame(
        slice=of.whole("Slice"),
        echo=of.whole("Echo", 1),
        dynamic=of.whole("Dynamic", 1),
        phase=of.whole("Phase", 1),
        b_number=of.whole("BValue"),
        gradient_number=of.whole("Grad Orient"),
        label=of.values.get("Label Type", "").strip("-"),
        image_type=_TYPES.get(kind, kind.lower()),
        sequence=of.values.get("Sequence", ""),
        index=of.whole("Index"),
        bits=of.whole("Pixel Size", 16),
        columns=of.whole("Resolution X"),
        rows=of.whole("Resolution Y"),
        intercept=of.value("Rescale Intercept"),
        slope=of.value("Rescale Slope", 1.0),
        scale_slope=of.value("Scale Slope", 1.0),
        window=(of.value("Window Center"), of.value("Window Width")),
        angulation_deg=of.vector("Angulation"),
        off_center_mm=of.vector("Offcenter"),
        thickness_mm=of.value("Slice Thickness"),
        gap_mm=of.value("Slice Gap"),
        plane=_PLANES.get(of.values.get("Slice Orientation", "").lower()),
        spacing_mm=(across, down),
        echo_time_ms=of.value("Echo Time"),
        dynamic_time_s=of.value("Dyn Scan Begin Time"),
        trigger_time_ms=of.value("Trigger Time"),
        b_value=of.value("Diffusion B Factor"),
        gradient=of.vector("Diffusion"),
        flip_deg=of.value("Image Flip Angle"),
    )
