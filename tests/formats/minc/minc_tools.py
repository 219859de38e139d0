"""The programs of Debian's minc-tools, as independent readers and writers."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest


def tool(name: str, *arguments: object, given: bytes | None = None) -> bytes:
    """Run a program; skips the test with the reason where it is not installed."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed (Debian: minc-tools)")
    done = subprocess.run([name, *map(str, arguments)], input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def real_values(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Real values in the order of the file, as mincextract gives them."""
    raw = tool("mincextract", "-double", "-any_direction", path)
    return np.frombuffer(raw).reshape(shape)


def world(path: Path, voxel: tuple[int, ...]) -> np.ndarray:
    """World coordinates (x right, y anterior, z superior) of a voxel, as voxeltoworld gives them."""
    return np.array([float(word) for word in tool("voxeltoworld", path, *voxel).split()])


def to_nifti(path: Path, folder: Path) -> Path:
    """Convert with mnc2nii."""
    out = folder / "mnc2nii.nii"
    out.unlink(missing_ok=True)
    tool("mnc2nii", "-quiet", "-float", path, out)
    return out


def raw_to_minc(path: Path, values: np.ndarray, *options: object) -> Path:
    """Make a file with rawtominc."""
    kind = {"i1": "-byte", "u1": "-byte", "i2": "-short", "u2": "-short", "i4": "-int", "u4": "-int"}
    kind |= {"f4": "-float", "f8": "-double"}
    signs = {"i": ["-signed"], "u": ["-unsigned"], "f": []}[values.dtype.kind]
    options = (*signs, kind[values.dtype.str[1:]], *options)
    tool("rawtominc", "-clobber", *options, path, *values.shape, given=values.tobytes())
    return path
