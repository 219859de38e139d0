"""The Analyze 7.5 header (Mayo's dbh.h): bytes to fields and back, with SPM's meaning of some of them.

Names of fields are those of dbh.h; SPM keeps a scale in funused1, SPM2 an intercept in funused2, both the
voxel at 0 mm in originator, as five 16-bit numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, LimitError, UnsupportedError

SIZE = 348
STRUCTURE = np.dtype(
    [
        ("sizeof_hdr", "i4"), ("data_type", "S10"), ("db_name", "S18"), ("extents", "i4"),
        ("session_error", "i2"), ("regular", "S1"), ("hkey_un0", "S1"), ("dim", "i2", 8),
        ("vox_units", "S4"), ("cal_units", "S8"), ("unused1", "i2"), ("datatype", "i2"), ("bitpix", "i2"),
        ("dim_un0", "i2"), ("pixdim", "f4", 8), ("vox_offset", "f4"), ("funused1", "f4"), ("funused2", "f4"),
        ("funused3", "f4"), ("cal_max", "f4"), ("cal_min", "f4"), ("compressed", "i4"), ("verified", "i4"),
        ("glmax", "i4"), ("glmin", "i4"), ("descrip", "S80"), ("aux_file", "S24"), ("orient", "u1"),
        ("originator", "i2", 5), ("generated", "S10"), ("scannum", "S10"), ("patient_id", "S10"),
        ("exp_date", "S10"), ("exp_time", "S10"), ("hist_un0", "S3"), ("views", "i4"), ("vols_added", "i4"),
        ("start_field", "i4"), ("field_skip", "i4"), ("omax", "i4"), ("omin", "i4"), ("smax", "i4"),
        ("smin", "i4"),
    ]
)  # fmt: skip
MOST_AXIS = 32767
RGB, COMPLEX = 128, 32
TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 130: "i1", 132: "u2", 136: "u4", 256: "i1", 512: "u2",
    768: "u4",
}  # fmt: skip
"""Data type codes of plain numbers; 130, 132, 136 are SPM's, those from 256 NIfTI's, met in Analyze files."""
CODES = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64}
"""Types that are written: those of Analyze 7.5."""
_NIFTI = (b"ni1\0", b"n+1\0")
_KNOWN = {0, 1, RGB, COMPLEX, *TYPES}
IDENTIFYING = {"db_name", "descrip", "aux_file", "patient_id", "scannum", "exp_date", "exp_time"}


@dataclass(frozen=True, slots=True)
class AnalyzeHeader:
    """One header.

    Parameters
    ----------
    order
        Byte order of header and values.
    fields
        The structure, in native byte order.
    where
        File, for errors.
    """

    order: Literal["<", ">"]
    fields: Any
    where: str

    def __getitem__(self, name: str) -> Any:
        """Value of a field as Python number, bytes or array."""
        value = self.fields[name]
        return value if getattr(value, "ndim", 0) else value.item()

    def text(self, name: str) -> str:
        """Text of a field, up to the first zero byte; what cannot be shown is left out."""
        raw = bytes(self.fields[name]).split(b"\0")[0].decode("latin-1")
        return "".join(c for c in raw if c.isprintable()).strip()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of at least three axes, the fastest (i) first; ones at the end left out.

        Raises
        ------
        FormatError
            If dim[0] is not 1 to 7, or a size is below 1.
        """
        dim = [int(n) for n in self.fields["dim"]]
        if not 1 <= dim[0] <= 7:
            raise FormatError("dim[0] is out of range", where=self.where, got=dim[0], expected="1 to 7")
        sizes = dim[1 : dim[0] + 1]
        if dim[0] == 4 and sizes[3] == 0:  # written by programs that count no time points
            sizes[3] = 1
        if min(sizes) < 1:
            raise FormatError("a size in dim is below 1", where=self.where, got=sizes)
        while len(sizes) > 3 and sizes[-1] == 1:
            sizes.pop()
        return tuple(sizes + [1] * (3 - len(sizes)))

    @property
    def voxel(self) -> tuple[np.dtype[Any], int]:
        """Type of the stored numbers (with byte order), and how many make a voxel.

        Raises
        ------
        UnsupportedError
            If the data type is not one that is read.
        """
        code = int(self["datatype"])
        special = {RGB: ("u1", 3), COMPLEX: ("f4", 2)}
        name, count = special.get(code, (TYPES.get(code, ""), 1))
        if not name:
            raise UnsupportedError(
                "datatype cannot be read", where=self.where, got=code, expected=sorted({*TYPES, *special})
            )
        return np.dtype(self.order + name), count

    @property
    def start(self) -> int:
        """First byte of the values; a negative vox_offset counts as positive (dbh.h).

        Raises
        ------
        FormatError, LimitError
            If it is not a whole number, or absurd.
        """
        offset = abs(float(self["vox_offset"]))
        if not np.isfinite(offset) or offset != int(offset):
            raise FormatError("vox_offset is not a whole number", where=self.where, got=offset)
        if offset > 1 << 40:
            raise LimitError("vox_offset is absurd", where=self.where, got=offset)
        return int(offset)


def recognise(raw: bytes) -> Literal["<", ">"] | None:
    """Tell the byte order from the first bytes, or None where it is no Analyze header."""
    if len(raw) < SIZE or raw[344:348] in _NIFTI:
        return None
    for order, name in (("<", "little"), (">", "big")):
        if int.from_bytes(raw[:4], name) == SIZE:  # type: ignore[arg-type]
            fields = np.frombuffer(raw[:SIZE], STRUCTURE.newbyteorder(order))[0]  # type: ignore[arg-type]
            dim = fields["dim"].tolist()
            plain = (
                1 <= dim[0] <= 7 and min(dim[1:4]) >= 0 and dim[1] > 0 and int(fields["datatype"]) in _KNOWN
            )
            return order if plain else None  # type: ignore[return-value]
    return None


def parse(raw: bytes, where: str) -> AnalyzeHeader:
    """Read a header from the first bytes of a file.

    Raises
    ------
    FormatError
        If it is none.
    """
    order = recognise(raw)
    if order is None:
        raise FormatError(
            "no Analyze header", where=where, expected="348 bytes, sizeof_hdr 348, no NIfTI magic"
        )
    fields = np.frombuffer(raw[:SIZE], STRUCTURE.newbyteorder(order))[0]
    return AnalyzeHeader(order, fields.astype(STRUCTURE), where)


def pack(values: dict[str, Any]) -> bytes:
    """Make the bytes of a little-endian header."""
    fields = np.zeros((), STRUCTURE.newbyteorder("<"))
    fields["sizeof_hdr"], fields["extents"], fields["regular"] = SIZE, 16384, b"r"
    for name, value in values.items():
        fields[name] = value
    return fields.tobytes()


def sizes_field(sizes: tuple[int, ...]) -> NDArray[np.int64]:
    """Make dim from sizes, the fastest first."""
    dim = np.zeros(8, np.int64)
    dim[0], dim[1 : len(sizes) + 1] = max(len(sizes), 4), sizes
    dim[len(sizes) + 1 : 5] = 1
    return dim
