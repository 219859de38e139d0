"""What a raw file needs said: sizes by name, type, byte order, place, scale; as text, JSON or TOML.

One list of names serves the command line (``columns=512 rows=512 slices=300 type=int16``) and the files.
Sizes are named, so that no order of numbers can be taken the wrong way round.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, TIME, lps_from_ras, reverse_index_order
from medvox.core.errors import FormatError, LimitError, MedvoxError, UsageError
from medvox.core.grid import Space
from medvox.core.rescale import IDENTITY, Rescale
from medvox.core.volume import Display, Window
from medvox.formats.raw import fields

FloatArray = NDArray[np.float64]
AXES = {"columns": "i", "rows": "j", "slices": "k", "channels": CHANNEL, "times": TIME}
"""Names of sizes, and the axes of a volume that they are."""
STORED_AXES = ("times", "slices", "rows", "columns", "channels")
"""Order in the file where nothing else is said, slowest first: a pixel's channels lie side by side."""
TYPES = (
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64",
)  # fmt: skip
_TYPE_WORDS = {
    "uchar": "uint8", "byte": "uint8", "char": "int8", "ushort": "uint16", "short": "int16",
    "uint": "uint32", "int": "int32", "float": "float32", "double": "float64",
}  # fmt: skip
_WORDS = {
    "width": "columns", "height": "rows", "depth": "slices", "dtype": "type", "order": "byte_order",
    "endian": "byte_order", "offset": "offset_bytes", "header": "offset_bytes", "skip": "offset_bytes",
    "spacing": "spacing_mm", "column_spacing": "column_spacing_mm", "row_spacing": "row_spacing_mm",
    "slice_spacing": "slice_spacing_mm", "affine": "affine_lps_mm", "affine_lps": "affine_lps_mm",
    "affine_ras": "affine_ras_mm", "axes": "stored_axes",
}  # fmt: skip
"""Shorter words for the names of a description."""
NAMES = frozenset(
    (
        "raw_image", "file", *AXES, "other_axes", "type", "byte_order", "offset_bytes", "compression",
        "stored_axes", "spacing_mm", "column_spacing_mm", "row_spacing_mm", "slice_spacing_mm",
        "affine_lps_mm", "affine_ras_mm", "slice_origins_lps_mm", "space", "frame_of_reference", "slope",
        "intercept", "unit", "meaning", "modality", "label", "positions", "windows", "inverted",
        "voi_table", "frame_rate",
    )
)  # fmt: skip
"""Every name that a description may hold."""
SPACES = {
    Space.PATIENT: "patient", Space.LOCAL: "local", Space.CALIBRATED: "calibrated",
    Space.DETECTOR: "detector", Space.REGION: "ultrasound-region", Space.PIXEL: "unknown",
}  # fmt: skip
MOST_TEXT = 1 << 24


@dataclass(frozen=True, slots=True, eq=False)
class RawDescription:
    """How to read a raw file.

    Parameters
    ----------
    sizes
        Number of columns, rows, slices, channels, times and of other axes, by name.
    type
        One of `TYPES`.
    byte_order
        ``"little"`` or ``"big"``.
    offset_bytes
        Bytes before the first value (in the unpacked content where `compression` is set).
    compression
        ``"gzip"``, ``"bzip2"``, or empty.
    stored_axes
        Axes as they lie in the file, slowest first.
    spacing_mm
        From one slice, row, column to the next, or None.
    affine
        (k, j, i) -> LPS mm, or None.
    slice_origins_mm
        (k, 3), or None.
    space
        What the millimeters mean, or None: patient where there is an affine, local where there is a spacing.
    frame_of_reference, unit, meaning, modality, label, positions, display, rescale
        As in `Volume` and `Grid`.
    file
        Name of the raw file, where the description does not lie beside it under its name.
    """

    sizes: Mapping[str, int]
    type: str
    byte_order: str = "little"
    offset_bytes: int = 0
    compression: str = ""
    stored_axes: tuple[str, ...] = ()
    spacing_mm: tuple[float, float, float] | None = None
    affine: FloatArray | None = None
    slice_origins_mm: FloatArray | None = None
    space: Space | None = None
    frame_of_reference: str | None = None
    rescale: Rescale = IDENTITY
    unit: str = "1"
    meaning: str = ""
    modality: str | None = None
    label: str = ""
    positions: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    display: Display = field(default_factory=Display)
    file: str = ""

    @classmethod
    def of(cls, values: Mapping[str, Any], where: object) -> RawDescription:
        """Make one from names and values.

        Parameters
        ----------
        where
            The file, or the option, for errors.

        Raises
        ------
        FormatError
            If a name is not known, one that is needed is missing, or a value is not usable.
        """
        return _Maker(_with_full_names(values, where), where).make()

    @classmethod
    def from_text(cls, text: str) -> RawDescription:
        """Make one from the words of a command line, ``columns=512 rows=512 slices=300 type=int16``.

        Words are separated by blanks, commas or semicolons.

        Raises
        ------
        UsageError
            If they make no description.
        """
        found = list(re.finditer(r"([A-Za-z_]+)\s*=\s*", text))
        if not found or text[: found[0].start()].strip(" ,;"):
            raise UsageError("the description of a raw file has no names", got=text[:60], expected=EXAMPLE)
        ends = [match.start() for match in found[1:]] + [len(text)]
        pairs = [
            (m.group(1).lower(), text[m.end() : end].strip(" ,;\t\n"))
            for m, end in zip(found, ends, strict=True)
        ]
        if len(dict(pairs)) < len(pairs):
            raise UsageError("a name stands twice in the description of a raw file", got=text[:120])
        try:
            return cls.of(dict(pairs), "--raw")
        except MedvoxError as error:
            raise UsageError(
                error.what, where="--raw", got=error.got, expected=error.expected, advice=error.advice
            ) from error

    @classmethod
    def from_file(cls, raw: bytes, path: Path) -> RawDescription:
        """Make one from the content of a JSON or TOML file.

        Raises
        ------
        FormatError
            If it holds no description.
        """
        if len(raw) > MOST_TEXT:
            raise LimitError("the description is too long", where=path, expected=f"at most {MOST_TEXT} bytes")
        text = fields.file_text(raw, path)
        try:
            values = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            raise FormatError("the description is neither JSON nor TOML", where=path) from error
        return cls.of(values, path)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values in the file."""
        return np.dtype(self.type).newbyteorder("<" if self.byte_order == "little" else ">")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows, columns."""
        return self.sizes.get("slices", 1), self.sizes["rows"], self.sizes["columns"]

    def names(self) -> dict[str, Any]:
        """Return what the description says of sizes, type, place and scale, as a file would hold it."""
        others = {name: size for name, size in self.sizes.items() if name not in AXES}
        said: dict[str, Any] = {name: self.sizes[name] for name in AXES if name in self.sizes}
        said |= {"other_axes": others} if others else {}
        said |= {"type": self.type, "byte_order": self.byte_order, "offset_bytes": self.offset_bytes}
        said |= {"compression": self.compression} if self.compression else {}
        said["stored_axes"] = list(self.stored_axes)
        if self.spacing_mm is not None:
            said["spacing_mm"] = list(reversed(self.spacing_mm))
        if self.affine is not None:
            said["affine_lps_mm"] = reverse_index_order(self.affine)[:3].tolist()
        if self.space is not None:
            said["space"] = SPACES[self.space]
        if not self.rescale.is_identity:
            said |= {"slope": self.rescale.slope.tolist(), "intercept": self.rescale.intercept.tolist()}
        texts = {"unit": self.unit if self.unit != "1" else "", "meaning": self.meaning, "label": self.label}
        texts |= {"modality": self.modality or "", "frame_of_reference": self.frame_of_reference or ""}
        return said | {name: text for name, text in texts.items() if text}


EXAMPLE = '"columns=512 rows=512 slices=300 type=int16 order=little offset=0 spacing=0.7x0.7x1.5"'
"""A description in words; spacing is column, row and slice distance."""


def looks_like_description(first: bytes) -> float:
    """How sure the first bytes of a file are those of a description."""
    text = first.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text.startswith("{"):
        if '"raw_image"' in text:
            return 1.0
        return 0.9 if all(f'"{name}"' in text for name in ("columns", "rows", "type")) else 0.0
    if re.search(r"(?m)^raw_image\s*=", text):
        return 1.0
    return 0.9 if all(re.search(rf"(?m)^{n}\s*=", text) for n in ("columns", "rows", "type")) else 0.0


def _with_full_names(values: Mapping[str, Any], where: object) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise FormatError("the description is no list of names and values", where=where, expected=EXAMPLE)
    full = {_WORDS.get(name, name): value for name, value in values.items()}
    unknown = sorted(set(full) - NAMES)
    if unknown:
        raise FormatError(
            "the description holds a name that is not known",
            where=where,
            got=unknown[0][:40],
            expected=sorted(NAMES),
        )
    if len(full) < len(values):
        raise FormatError("the description says one thing under two names", where=where)
    for name in ("columns", "rows", "type"):
        if name not in full:
            raise FormatError(f"the description does not say {name}", where=where, expected=EXAMPLE)
    return full


class _Maker:
    """Makes a description of values by their full names."""

    def __init__(self, values: dict[str, Any], where: object) -> None:
        self.values = values
        self.where = where

    def make(self) -> RawDescription:
        sizes = self._sizes()
        origins = self.values.get("slice_origins_lps_mm")
        return RawDescription(
            sizes=sizes,
            type=self._type(),
            byte_order=self._word("byte_order", ("little", "big"), "little"),
            offset_bytes=fields.whole(self.values.get("offset_bytes", 0), "offset_bytes", self.where),
            compression=self._word("compression", ("", "gzip", "bzip2"), ""),
            stored_axes=self._stored_axes(sizes),
            spacing_mm=self._spacing(),
            affine=self._affine(),
            slice_origins_mm=None if origins is None else self._origins(origins, sizes),
            space=self._space(),
            frame_of_reference=self._text("frame_of_reference") or None,
            rescale=self._rescale(sizes),
            unit=self._text("unit") or "1",
            meaning=self._text("meaning"),
            modality=self._text("modality") or None,
            label=self._text("label"),
            positions=self._positions(sizes),
            display=self._display(),
            file=self._text("file"),
        )

    def _text(self, name: str) -> str:
        return fields.text(self.values.get(name, ""), name, self.where)

    def _word(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        word = fields.text(self.values.get(name, default), name, self.where).lower()
        word = {"none": "", "lsb": "little", "msb": "big", "le": "little", "be": "big"}.get(word, word)
        if word not in allowed:
            expected = [a or "none" for a in allowed]
            raise FormatError(f"{name} is not known", where=self.where, got=word[:40], expected=expected)
        return word

    def _type(self) -> str:
        word = fields.text(self.values["type"], "type", self.where).lower()
        word = _TYPE_WORDS.get(word, word)
        if word not in TYPES:
            raise FormatError("the type is not known", where=self.where, got=word[:40], expected=TYPES)
        return word

    def _sizes(self) -> dict[str, int]:
        sizes = {n: fields.whole(self.values[n], n, self.where, 1) for n in AXES if n in self.values}
        others = self.values.get("other_axes", {})
        if (
            not isinstance(others, Mapping)
            or len(others) > 8
            or not set(others).isdisjoint((*AXES, *AXES.values()))
        ):
            raise FormatError("other_axes is not usable", where=self.where, expected='{"echo": 2}')
        for name, size in others.items():
            sizes[fields.text(name, "other_axes", self.where)] = fields.whole(
                size, str(name)[:40], self.where, 1
            )
        if sizes.get("channels") == 1 and "stored_axes" not in self.values:
            del sizes["channels"]
        return sizes

    def _stored_axes(self, sizes: Mapping[str, int]) -> tuple[str, ...]:
        others = tuple(name for name in sizes if name not in AXES)
        usual = (*others, *(name for name in STORED_AXES if name in sizes or name == "slices"))
        given = self.values.get("stored_axes", list(usual))
        if isinstance(given, str):
            given = given.replace(",", " ").replace("/", " ").split()
        names = tuple(given) if isinstance(given, list) and all(isinstance(n, str) for n in given) else ()
        if "slices" not in names:
            names = ("slices", *names) if sizes.get("slices", 1) == 1 else names
        if sorted(names) != sorted(usual):
            raise FormatError(
                "stored_axes must name each axis once, slowest first",
                where=self.where,
                got=str(given)[:80],
                expected=usual,
            )
        return names

    def _spacing(self) -> tuple[float, float, float] | None:
        single = [self.values.get(f"{n}_spacing_mm") for n in ("slice", "row", "column")]
        given = self.values.get("spacing_mm")
        if given is not None:
            found = fields.numbers(given, "spacing_mm", self.where)
            if any(s is not None for s in single) or len(found) not in (1, 3):
                raise FormatError(
                    "spacing_mm is one number for all, or column x row x slice",
                    where=self.where,
                    got=str(given)[:60],
                )
            column, row, step = found * 3 if len(found) == 1 else found
        elif all(s is None for s in single):
            return None
        else:
            step, row, column = (
                fields.number(1.0 if s is None else s, "spacing", self.where) for s in single
            )
            if single[1] is None or single[2] is None:
                raise FormatError("row or column spacing is missing", where=self.where)
        if min(step, row, column) <= 0:
            raise FormatError("a spacing is not above 0", where=self.where, got=(column, row, step))
        return step, row, column

    def _affine(self) -> FloatArray | None:
        lps, ras = (self.values.get(f"affine_{name}_mm") for name in ("lps", "ras"))
        if lps is not None and ras is not None:
            raise FormatError("affine_lps_mm and affine_ras_mm are both given", where=self.where)
        if lps is not None:
            return reverse_index_order(fields.affine(lps, "affine_lps_mm", self.where))
        return None if ras is None else lps_from_ras(fields.affine(ras, "affine_ras_mm", self.where))

    def _origins(self, value: object, sizes: Mapping[str, int]) -> FloatArray:
        count = sizes.get("slices", 1)
        found = fields.numbers(value, "slice_origins_lps_mm", self.where, 3 * count)
        return np.reshape(found, (count, 3))

    def _space(self) -> Space | None:
        if "space" not in self.values:
            return None
        word = self._word("space", tuple(SPACES.values()), "")
        return next(space for space, name in SPACES.items() if name == word)

    def _rescale(self, sizes: Mapping[str, int]) -> Rescale:
        slope, intercept = (
            fields.scale(self.values.get(n, d), n, self.where)
            for n, d in (("slope", 1.0), ("intercept", 0.0))
        )
        full = (*(sizes[n] for n in self._lead(sizes)), sizes.get("slices", 1))
        for values in (slope, intercept):
            if values.ndim and values.shape != full:
                raise FormatError(
                    "slope or intercept do not fit the axes",
                    where=self.where,
                    got=values.shape,
                    expected=full,
                )
        if (slope == 0).any():
            raise FormatError("the slope is 0", where=self.where)
        return Rescale.of(slope, intercept)

    def _lead(self, sizes: Mapping[str, int]) -> list[str]:
        return [n for n in self._stored_axes(sizes) if n not in ("slices", "rows", "columns", "channels")]

    def _positions(self, sizes: Mapping[str, int]) -> dict[str, tuple[float, ...]]:
        given = self.values.get("positions", {})
        if not isinstance(given, Mapping):
            raise FormatError("positions is not usable", where=self.where, expected='{"times": [0.0, 2.5]}')
        found: dict[str, tuple[float, ...]] = {}
        for name, values in given.items():
            if not isinstance(name, str) or name not in sizes or name in ("slices", "rows", "columns"):
                raise FormatError(
                    "positions along an axis that is not there", where=self.where, got=str(name)[:40]
                )
            found[AXES.get(name, name)] = fields.numbers(values, "positions", self.where, sizes[name])
        return found

    def _display(self) -> Display:
        given = self.values.get("windows", [])
        if not isinstance(given, list) or not all(isinstance(w, Mapping) for w in given):
            raise FormatError(
                "windows is not usable", where=self.where, expected='[{"center": 40, "width": 400}]'
            )
        windows = tuple(
            Window(
                fields.number(w.get("center"), "center", self.where),
                fields.number(w.get("width"), "width", self.where),
                fields.text(w.get("name", ""), "name of a window", self.where),
            )
            for w in given
        )
        table = self.values.get("voi_table")
        values = () if table is None else fields.numbers(table, "voi_table", self.where)
        rate = self.values.get("frame_rate")
        return Display(
            windows,
            self.values.get("inverted") is True,
            (values[0], values[1:]) if len(values) > 1 else None,
            None if rate is None else fields.number(rate, "frame_rate", self.where),
        )
