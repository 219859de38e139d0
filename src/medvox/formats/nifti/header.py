"""The NIfTI-1 and NIfTI-2 headers: bytes to fields and back (nifti1.h; nifti2.h).

Names of fields are those of the standard's C structures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, LimitError, UnsupportedError

Version = Literal[1, 2]
ByteOrder = Literal["<", ">"]

_QUATERNION = ["quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"]
_ROWS = ["srow_x", "srow_y", "srow_z"]

FIELDS_1: list[tuple[Any, ...]] = [
    ("sizeof_hdr", "i4"), ("data_type", "S10"), ("db_name", "S18"), ("extents", "i4"),
    ("session_error", "i2"), ("regular", "S1"), ("dim_info", "u1"), ("dim", "i2", 8),
    ("intent_p1", "f4"), ("intent_p2", "f4"), ("intent_p3", "f4"), ("intent_code", "i2"),
    ("datatype", "i2"), ("bitpix", "i2"), ("slice_start", "i2"), ("pixdim", "f4", 8),
    ("vox_offset", "f4"), ("scl_slope", "f4"), ("scl_inter", "f4"), ("slice_end", "i2"),
    ("slice_code", "u1"), ("xyzt_units", "u1"), ("cal_max", "f4"), ("cal_min", "f4"),
    ("slice_duration", "f4"), ("toffset", "f4"), ("glmax", "i4"), ("glmin", "i4"),
    ("descrip", "S80"), ("aux_file", "S24"), ("qform_code", "i2"), ("sform_code", "i2"),
    *((name, "f4") for name in _QUATERNION), *((name, "f4", 4) for name in _ROWS),
    ("intent_name", "S16"), ("magic", "S4"),
]  # fmt: skip

FIELDS_2: list[tuple[Any, ...]] = [
    ("sizeof_hdr", "i4"), ("magic", "S8"), ("datatype", "i2"), ("bitpix", "i2"), ("dim", "i8", 8),
    ("intent_p1", "f8"), ("intent_p2", "f8"), ("intent_p3", "f8"), ("pixdim", "f8", 8),
    ("vox_offset", "i8"), ("scl_slope", "f8"), ("scl_inter", "f8"), ("cal_max", "f8"),
    ("cal_min", "f8"), ("slice_duration", "f8"), ("toffset", "f8"), ("slice_start", "i8"),
    ("slice_end", "i8"), ("descrip", "S80"), ("aux_file", "S24"), ("qform_code", "i4"),
    ("sform_code", "i4"), *((name, "f8") for name in _QUATERNION), *((name, "f8", 4) for name in _ROWS),
    ("slice_code", "i4"), ("xyzt_units", "i4"), ("intent_code", "i4"), ("intent_name", "S16"),
    ("dim_info", "u1"), ("unused_str", "S15"),
]  # fmt: skip

STRUCTURES = {1: np.dtype(FIELDS_1), 2: np.dtype(FIELDS_2)}
SIZES: dict[int, int] = {1: 348, 2: 540}
MAGIC_AT = {1: 344, 2: 4}
SINGLE = {1: b"n+1\0", 2: b"n+2\0\r\n\x1a\n"}
PAIR = {1: b"ni1\0", 2: b"ni2\0\r\n\x1a\n"}
MOST_AXIS = 32767
"""Longest axis of NIfTI-1 (dim is int16)."""

TYPES: dict[int, str] = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
"""Data type codes of plain numbers."""
RGB24, RGBA32, COMPLEX64, COMPLEX128 = 128, 2304, 32, 1792
CODES: dict[str, int] = {name: code for code, name in TYPES.items()}
_OTHERS = {1: "1-bit", 1536: "128-bit float", 2048: "256-bit complex", 0: "unknown"}


@dataclass(frozen=True, slots=True)
class NiftiHeader:
    """One header.

    Parameters
    ----------
    version
        1 or 2.
    order
        Byte order of header and values.
    fields
        The structure, in native byte order.
    where
        File, for errors.
    """

    version: Version
    order: ByteOrder
    fields: Any
    where: str

    def __getitem__(self, name: str) -> Any:
        """Value of a field as Python number, bytes or array."""
        value = self.fields[name]
        return value if getattr(value, "ndim", 0) else value.item()

    def text(self, name: str) -> str:
        """Text of a field, up to the first zero byte."""
        return bytes(self.fields[name]).split(b"\0")[0].decode("latin-1").strip()

    @property
    def is_single(self) -> bool:
        """Whether values follow in the same file."""
        magic = _magic_of(self.fields.tobytes(), self.version)
        return magic.startswith(SINGLE[self.version][:3])

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of at least three axes, the fastest (i) first; ones at the end left out.

        Raises
        ------
        FormatError, LimitError
            If dim[0] is not 1 to 7, or a size is below 1 or absurd.
        """
        dim = [int(n) for n in self.fields["dim"]]
        if not 1 <= dim[0] <= 7:
            raise FormatError("dim[0] is out of range", where=self.where, got=dim[0], expected="1 to 7")
        sizes = dim[1 : dim[0] + 1]
        for axis, size in enumerate(sizes, start=1):
            if size < 1:
                raise FormatError(f"dim[{axis}] is below 1", where=self.where, got=size)
            if size > 1 << 40:
                raise LimitError(f"dim[{axis}] is absurd", where=self.where, got=size)
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
        special = {RGB24: ("u1", 3), RGBA32: ("u1", 4), COMPLEX64: ("f4", 2), COMPLEX128: ("f8", 2)}
        if code in special:
            name, count = special[code]
            return np.dtype(self.order + name), count
        if code not in TYPES:
            known = _OTHERS.get(code, "no known type")
            raise UnsupportedError(
                "datatype cannot be read",
                where=self.where,
                got=f"{code} ({known})",
                expected="whole numbers and floats of 8 to 64 bits, RGB, RGBA or complex",
            )
        return np.dtype(self.order + TYPES[code]), 1

    @property
    def start(self) -> int:
        """First byte of the values.

        Raises
        ------
        FormatError
            If vox_offset is not a number, or lies within the header.
        """
        offset = float(self["vox_offset"])
        least = SIZES[self.version] + 4 if self.is_single else 0
        if not np.isfinite(offset) or offset < 0 or 0 < offset < least or offset > 1 << 62:
            raise FormatError(
                "vox_offset does not lie after the header",
                where=self.where,
                got=offset,
                expected=f"at least {least}",
            )
        return int(offset) or least

    @property
    def sform(self) -> NDArray[np.float64]:
        """The sform matrix, (i, j, k) to RAS in the file's unit."""
        matrix = np.eye(4)
        for row, name in enumerate(_ROWS):
            matrix[row] = self.fields[name]
        return matrix

    @property
    def quaternion(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(b, c, d) of the rotation, and the offset."""
        values = np.array([self[name] for name in _QUATERNION], dtype=np.float64)
        return values[:3], values[3:]


def _magic_of(raw: bytes, version: int) -> bytes:
    start = MAGIC_AT[version]
    return raw[start : start + len(SINGLE[version])]


def recognise(raw: bytes) -> tuple[Version, ByteOrder] | None:
    """Tell version and byte order from the first bytes, or None where it is no NIfTI header."""
    versions: tuple[Version, ...] = (1, 2)
    for version in versions:
        if _magic_of(raw, version) in (SINGLE[version], PAIR[version]):
            for order, name in (("<", "little"), (">", "big")):
                if int.from_bytes(raw[:4], name) == SIZES[version]:  # type: ignore[arg-type]
                    return version, order  # type: ignore[return-value]
    return None


def parse(raw: bytes, where: str) -> NiftiHeader:
    """Read a header from the first bytes of a file.

    Raises
    ------
    FormatError
        If it is none, or too short.
    """
    found = recognise(raw)
    if found is None:
        raise FormatError("no NIfTI header", where=where, expected="sizeof_hdr 348 or 540 and the magic")
    version, order = found
    size = SIZES[version]
    if len(raw) < size:
        raise FormatError("the header ends early", where=where, got=f"{len(raw)} bytes", expected=size)
    fields = np.frombuffer(raw[:size], STRUCTURES[version].newbyteorder(order))[0]
    return NiftiHeader(version, order, fields.astype(STRUCTURES[version]), where)


@dataclass(frozen=True, slots=True)
class Extension:
    """One header extension (nifti1.h, "HEADER EXTENSIONS").

    Parameters
    ----------
    code
        Registered kind: 2 DICOM, 4 AFNI, 6 plain text …
    content
        The bytes.
    """

    code: int
    content: bytes


EXTENSION_NAMES = {0: "unknown", 2: "DICOM", 4: "AFNI", 6: "comment", 8: "XCEDE", 18: "workflow",
                   30: "Caret", 32: "CIFTI", 42: "Quantiphyse", 44: "MRS"}  # fmt: skip


def extensions(raw: bytes, header: NiftiHeader) -> list[Extension]:
    """Read the extensions from the bytes between header and values; stops where they make no sense."""
    at = SIZES[header.version]
    end = min(len(raw), header.start if header.is_single else len(raw))
    if at + 4 > end or raw[at] == 0:
        return []
    at += 4
    order: Literal["little", "big"] = "little" if header.order == "<" else "big"
    found = []
    while at + 8 <= end:
        size = int.from_bytes(raw[at : at + 4], order, signed=True)
        code = int.from_bytes(raw[at + 4 : at + 8], order, signed=True)
        if size < 8 or at + size > end:
            break
        found.append(Extension(code, raw[at + 8 : at + size]))
        at += size
    return found


def pack(version: Version, values: dict[str, Any]) -> bytes:
    """Make the bytes of a little-endian single-file header, with the four bytes that say "no extension"."""
    fields = np.zeros((), STRUCTURES[version].newbyteorder("<"))
    fields["sizeof_hdr"] = SIZES[version]
    fields["magic"] = SINGLE[version]
    fields["vox_offset"] = SIZES[version] + 4
    if version == 1:
        fields["regular"] = b"r"
    for name, value in values.items():
        fields[name] = value
    return fields.tobytes() + b"\0\0\0\0"
