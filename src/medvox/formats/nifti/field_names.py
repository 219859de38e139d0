"""What the fields of a NIfTI header are, and what their codes stand for (nifti1.h, nifti2.h)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "sizeof_hdr": "Size of the header, bytes",
        "data_type": "Type of the values, of Analyze; not used",
        "db_name": "Name of a data base, of Analyze; not used",
        "extents": "Of Analyze; not used",
        "session_error": "Of Analyze; not used",
        "regular": "Of Analyze; not used",
        "dim_info": "Which axes are frequency, phase and slice encoding",
        "dim": "Number of axes, then their sizes",
        "intent_p1": "First parameter of the intent",
        "intent_p2": "Second parameter of the intent",
        "intent_p3": "Third parameter of the intent",
        "intent_code": "What the values mean",
        "intent_name": "What the values mean, as text",
        "datatype": "Type of the values",
        "bitpix": "Bits a value",
        "slice_start": "First slice that slice_code is about",
        "slice_end": "Last slice that slice_code is about",
        "slice_code": "Order in which slices were acquired",
        "slice_duration": "Time of one slice",
        "pixdim": "Sign of the third axis (qfac), then distances along the axes",
        "vox_offset": "Where the values begin, bytes",
        "scl_slope": "Value = slope · stored + intercept; 0 is no scaling",
        "scl_inter": "Intercept of the scaling",
        "xyzt_units": "Units of distances and times",
        "cal_max": "Upper end of the display window",
        "cal_min": "Lower end of the display window",
        "toffset": "Time of the first volume",
        "glmax": "Of Analyze; not used",
        "glmin": "Of Analyze; not used",
        "descrip": "Free text",
        "aux_file": "Name of another file",
        "qform_code": "What the rigid transform leads to",
        "sform_code": "What the affine transform leads to",
        "quatern_b": "Rotation as a quaternion: b",
        "quatern_c": "Rotation as a quaternion: c",
        "quatern_d": "Rotation as a quaternion: d",
        "qoffset_x": "Position of the first voxel, x, RAS",
        "qoffset_y": "Position of the first voxel, y, RAS",
        "qoffset_z": "Position of the first voxel, z, RAS",
        "srow_x": "Affine transform to RAS: row of x",
        "srow_y": "Affine transform to RAS: row of y",
        "srow_z": "Affine transform to RAS: row of z",
        "magic": "Version, and whether the values are in the same file",
        "unused_str": "Not used",
    }
)

_FORMS = {
    0: "unknown",
    1: "scanner",
    2: "aligned to another scan",
    3: "Talairach",
    4: "MNI 152",
    5: "template",
}
_CODES: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {
        "datatype": {
            1: "bit",
            2: "uint8",
            4: "int16",
            8: "int32",
            16: "float32",
            32: "complex64",
            64: "float64",
            128: "RGB",
            256: "int8",
            512: "uint16",
            768: "uint32",
            1024: "int64",
            1280: "uint64",
            1536: "float128",
            1792: "complex128",
            2048: "complex256",
            2304: "RGBA",
        },
        "qform_code": _FORMS,
        "sform_code": _FORMS,
        "slice_code": {
            1: "rising",
            2: "falling",
            3: "alternating, rising",
            4: "alternating, falling",
            5: "alternating, rising, from the second",
            6: "alternating, falling, from the second",
        },
        "intent_code": {
            0: "none",
            2: "correlation",
            3: "t test",
            4: "F test",
            5: "z score",
            22: "p value",
            1001: "estimate",
            1002: "labels",
            1004: "matrix",
            1005: "symmetric matrix",
            1006: "displacement",
            1007: "vector",
            1011: "quaternion",
        },
    }
)
_DISTANCES = {1: "m", 2: "mm", 3: "µm"}
_TIMES = {8: "s", 16: "ms", 24: "µs", 32: "Hz", 40: "ppm", 48: "rad/s"}


def meaning(name: str, code: int) -> str:
    """What the number of a field stands for; empty where it is no code, or unknown."""
    if name == "xyzt_units":
        return ", ".join(filter(None, (_DISTANCES.get(code & 7), _TIMES.get(code & 56))))
    return _CODES.get(name, {}).get(code, "")
