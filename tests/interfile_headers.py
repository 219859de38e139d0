"""Interfile headers as STIR, MedCon and nuclear medicine write them, for tests."""

import re
from pathlib import Path

import numpy as np

STIR = """!INTERFILE  :=
imaging modality := PT
name of data file := x.v
!GENERAL DATA :=
patient orientation := head_in
patient rotation := supine
!GENERAL IMAGE DATA :=
!type of data := PET
imagedata byte order := LITTLEENDIAN
!PET STUDY (General) :=
!PET data type := Image
!number format := float
!number of bytes per pixel := 4
number of dimensions := 3
matrix axis label [1] := x
!matrix size [1] := 4
scaling factor (mm/pixel) [1] := 2
matrix axis label [2] := y
!matrix size [2] := 3
scaling factor (mm/pixel) [2] := 2.5
matrix axis label [3] := z
!matrix size [3] := 2
scaling factor (mm/pixel) [3] := 3.375
first pixel offset (mm) [1] := -4
first pixel offset (mm) [2] := -2.5
first pixel offset (mm) [3] := 7
!END OF INTERFILE :=
"""

SPECT = """!INTERFILE :=
!imaging modality := nucmed
!version of keys := 3.3
!data offset in bytes := 0
!name of data file := x.v
patient name := Doe ; John
!patient ID := 4711
!GENERAL IMAGE DATA :=
!type of data := Tomographic
!total number of images := 2
imagedata byte order := BIGENDIAN
!process status := Reconstructed
!matrix size [1] := 4
!matrix size [2] := 3
!number format := unsigned integer
!number of bytes per pixel := 2
scaling factor (mm/pixel) [1] := +2.000000e+00
scaling factor (mm/pixel) [2] := +3.000000e+00
patient orientation := head_in
patient rotation := supine
!number of slices := 2
slice orientation := Transverse
slice thickness (pixels) := 1
centre-centre slice separation (pixels) := 1.6
!END OF INTERFILE :=
"""
VALUES = np.arange(24, dtype="<f4").reshape(2, 3, 4)


DYNAMIC = """!INTERFILE :=
!name of data file := x.v
!type of data := Dynamic
!total number of images := 5
imagedata byte order := LITTLEENDIAN
!number of frame groups := 2
!frame group number := 1
!matrix size [1] := 3
!matrix size [2] := 2
!number format := unsigned integer
!number of bytes per pixel := 1
scaling factor (mm/pixel) [1] := 2
scaling factor (mm/pixel) [2] := 2
!number of images this frame group := 2
!image duration (sec) := 10
pause between images (sec) := 1
pause between frame groups (sec) := 5
!frame group number := 2
!number of images this frame group := 3
!image duration (sec) := 20
pause between images (sec) := 0
pause between frame groups (sec) := 0
!END OF INTERFILE :=
"""


SINOGRAM = """!INTERFILE  :=
name of data file := x.v
!type of data := PET
imagedata byte order := LITTLEENDIAN
!PET data type := Emission
!number format := unsigned integer
!number of bytes per pixel := 1
number of dimensions := 4
matrix axis label [4] := segment
!matrix size [4] := 3
matrix axis label [3] := view
!matrix size [3] := 2
matrix axis label [2] := axial coordinate
!matrix size [2] := { 3,2,2}
matrix axis label [1] := tangential coordinate
!matrix size [1] := 4
minimum ring difference per segment := { 0,1,-1}
maximum ring difference per segment := { 0,1,-1}
!END OF INTERFILE :=
"""


def put(folder: Path, text: str, values: bytes | np.ndarray = VALUES, name: str = "x.hv") -> Path:
    (folder / "x.v").write_bytes(values if isinstance(values, bytes) else values.tobytes())
    (folder / name).write_text(text)
    return folder / name


def with_keys(text: str, **keys: str) -> str:
    """Change the value of keys named by the first word of their line, or add lines before the end."""
    for key, value in keys.items():
        words = key.replace("_", " ")
        text, count = re.subn(rf"(?m)^(!?{words}.*:=).*$", rf"\1 {value}", text)
        assert count, words
    return text


def added(text: str, *lines: str) -> str:
    return text.replace("!END OF", "\n".join(lines) + "\n!END OF")
