"""The structures of an ECAT 7 file: main header, directory of matrices, subheaders of images.

A file is made of blocks of 512 bytes, numbered from 1. Block 1 is the main header, block 2 begins the
directory; a matrix is a subheader of one block and the values behind it. Headers are big-endian. Names of
fields are CTI's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medvox.core.errors import FormatError, TruncatedError
from medvox.formats.files import read_bytes

BLOCK = 512
MAGIC = b"MATRIX7"
_MOST_MATRICES = 1 << 16
_IN_BLOCK = 31
"""Entries of a block of the directory."""
_DELETED = (3, -1)

MAIN = np.dtype(
    [
        ("magic_number", "S14"), ("original_file_name", "S32"), ("sw_version", "i2"), ("system_type", "i2"),
        ("file_type", "i2"), ("serial_number", "S10"), ("scan_start_time", "u4"), ("isotope_name", "S8"),
        ("isotope_halflife", "f4"), ("radiopharmaceutical", "S32"), ("gantry_tilt", "f4"),
        ("gantry_rotation", "f4"), ("bed_elevation", "f4"), ("intrinsic_tilt", "f4"), ("wobble_speed", "i2"),
        ("transm_source_type", "i2"), ("distance_scanned", "f4"), ("transaxial_fov", "f4"),
        ("angular_compression", "i2"), ("coin_samp_mode", "i2"), ("axial_samp_mode", "i2"),
        ("ecat_calibration_factor", "f4"), ("calibration_units", "i2"), ("calibration_units_label", "i2"),
        ("compression_code", "i2"), ("study_type", "S12"), ("patient_id", "S16"), ("patient_name", "S32"),
        ("patient_sex", "S1"), ("patient_dexterity", "S1"), ("patient_age", "f4"), ("patient_height", "f4"),
        ("patient_weight", "f4"), ("patient_birth_date", "i4"), ("physician_name", "S32"),
        ("operator_name", "S32"), ("study_description", "S32"), ("acquisition_type", "i2"),
        ("patient_orientation", "i2"), ("facility_name", "S20"), ("num_planes", "i2"), ("num_frames", "i2"),
        ("num_gates", "i2"), ("num_bed_pos", "i2"), ("init_bed_position", "f4"), ("bed_position", "f4", 15),
        ("plane_separation", "f4"), ("lwr_sctr_thres", "i2"), ("lwr_true_thres", "i2"),
        ("upr_true_thres", "i2"), ("user_process_code", "S10"), ("acquisition_mode", "i2"),
        ("bin_size", "f4"), ("branching_fraction", "f4"), ("dose_start_time", "u4"), ("dosage", "f4"),
        ("well_counter_corr_factor", "f4"), ("data_units", "S32"), ("septa_state", "i2"), ("fill", "S12"),
    ]
).newbyteorder(">")  # fmt: skip

SUBHEADER = np.dtype(
    [
        ("data_type", "i2"), ("num_dimensions", "i2"), ("x_dimension", "i2"), ("y_dimension", "i2"),
        ("z_dimension", "i2"), ("x_offset", "f4"), ("y_offset", "f4"), ("z_offset", "f4"),
        ("recon_zoom", "f4"), ("scale_factor", "f4"), ("image_min", "i2"), ("image_max", "i2"),
        ("x_pixel_size", "f4"), ("y_pixel_size", "f4"), ("z_pixel_size", "f4"), ("frame_duration", "u4"),
        ("frame_start_time", "u4"), ("filter_code", "i2"), ("x_resolution", "f4"), ("y_resolution", "f4"),
        ("z_resolution", "f4"), ("num_r_elements", "f4"), ("num_angles", "f4"), ("z_rotation_angle", "f4"),
        ("decay_corr_fctr", "f4"), ("processing_code", "u4"), ("gate_duration", "u4"),
        ("r_wave_offset", "u4"), ("num_accepted_beats", "u4"), ("filter_cutoff_frequency", "f4"),
        ("filter_resolution", "f4"), ("filter_ramp_slope", "f4"), ("filter_order", "i2"),
        ("filter_scatter_fraction", "f4"), ("filter_scatter_slope", "f4"), ("annotation", "S40"),
    ]
).newbyteorder(">")  # fmt: skip
"""The subheader of an image, as far as it is used; what follows tells of the reconstruction."""


@dataclass(frozen=True, slots=True, order=True)
class Matrix:
    """One entry of the directory.

    Parameters
    ----------
    bed, gate, frame, plane, data
        What the matrix is, from its identifier.
    block
        Block of its subheader.
    """

    bed: int
    gate: int
    frame: int
    plane: int
    data: int
    block: int

    @classmethod
    def of(cls, identifier: int, block: int) -> Matrix:
        """Take an identifier apart."""
        return cls(
            bed=identifier >> 12 & 0xF,
            gate=identifier >> 24 & 0x3F,
            frame=identifier & 0x1FF,
            plane=(identifier >> 16 & 0xFF) | (identifier >> 1 & 0x300),
            data=(identifier >> 30 & 0x3) | (identifier >> 9 & 0x4),
            block=block,
        )

    @property
    def values_start(self) -> int:
        """First byte of the values."""
        return self.block * BLOCK


def read_main(path: Path) -> Any:
    """Read the main header: a record of `MAIN`.

    Raises
    ------
    FormatError
        If the file is no ECAT 7 file, or too short.
    """
    raw = read_bytes(path, 0, BLOCK)
    if not raw.startswith(MAGIC):
        raise FormatError("no ECAT 7 header", where=path, expected="MATRIX7 in the first bytes")
    return _record(raw, MAIN, path)


def read_subheader(path: Path, matrix: Matrix) -> Any:
    """Read the subheader of an image matrix: a record of `SUBHEADER`."""
    return _record(read_bytes(path, (matrix.block - 1) * BLOCK, BLOCK), SUBHEADER, path)


def _record(raw: bytes, layout: np.dtype[Any], path: Path) -> Any:
    if len(raw) < layout.itemsize:
        raise TruncatedError(
            "a header ends early", where=path, got=f"{len(raw)} bytes", expected=f"{layout.itemsize} bytes"
        )
    return np.frombuffer(raw, layout, 1)[0]


def read_directory(path: Path) -> tuple[Matrix, ...]:
    """Read the directory, deleted matrices left out; sorted by bed, gate, frame and plane.

    Raises
    ------
    FormatError
        If it leads in a circle or out of the file, or is absurdly long.
    """
    found = [Matrix.of(identifier, block) for identifier, block in _entries(path)]
    if not found:
        raise FormatError("the directory lists no matrix", where=path)
    return tuple(sorted(found))


def _entries(path: Path) -> Iterator[tuple[int, int]]:
    block, seen, count = 2, set[int](), 0
    while True:
        seen.add(block)
        raw = read_bytes(path, (block - 1) * BLOCK, BLOCK)
        if len(raw) < BLOCK:
            raise TruncatedError("the directory ends early", where=path, got=f"block {block}")
        table = np.frombuffer(raw, ">i4").reshape(-1, 4)
        used = int(table[0, 3])
        if not 0 <= used <= _IN_BLOCK or int(table[0, 1]) < 0:
            raise FormatError("the directory is damaged", where=path, got=f"block {block}")
        for identifier, first, _, status in table[1 : used + 1].tolist():
            if status in _DELETED:
                continue
            if first < 2:
                raise FormatError("the directory leads out of the file", where=path, got=f"block {first}")
            yield identifier & 0xFFFFFFFF, first
            count += 1
            if count > _MOST_MATRICES:
                raise FormatError("the directory is absurdly long", where=path)
        following = int(table[0, 1])
        if following <= 2:  # the last block leads back to the first, or nowhere
            return
        if following in seen:
            raise FormatError("the directory leads in a circle", where=path, got=f"block {following}")
        block = following


def text(record: Any, name: str) -> str:
    """Text of a field, up to the first zero byte; what cannot be shown is left out."""
    raw = bytes(record[name]).split(b"\0")[0].decode("latin-1")
    return "".join(c for c in raw if c.isprintable()).strip()
