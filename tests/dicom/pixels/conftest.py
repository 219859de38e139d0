"""Write synthetic files and read their pixels."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from medvox.dicom.header import Header
from medvox.dicom.pixels import FrameRef, PixelFormat, frame_reader
from medvox.dicom.scan import read_header
from medvox.formats.inputs import InputFile
from medvox.testing.dicom_builder import instance


def header_of(path: Path) -> Header:
    return read_header(InputFile(path, path.name, path.stat().st_size))


def refs_of(path: Path) -> list[FrameRef]:
    header = header_of(path)
    form = PixelFormat.of(header)
    return [FrameRef(header.file, n, header.pixel, form) for n in range(form.frames)]


def pixels_of(path: Path) -> np.ndarray:
    """All frames of a file, (frames, rows, columns[, 3])."""
    refs = refs_of(path)
    form = refs[0].format
    out = np.full((len(refs), *form.frame_shape), 77, form.dtype)
    frame_reader(refs)(range(len(refs)), out)
    return out


def compressed(frames: list[bytes], like: np.ndarray, uid: str, **attributes: Any) -> Dataset:
    """Instance of compressed frames; `like` is one decoded frame, or all."""
    data = instance(like, transfer_syntax=UID(uid), **attributes)
    if len(frames) > 1:
        data.NumberOfFrames = len(frames)
    data.PixelData = encapsulate(frames)
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True
    return data


def _meta_uid(uid: str) -> bytes:
    value = uid.encode() + b"\0" * (len(uid) % 2)
    return b"\x02\x00\x10\x00UI" + len(value).to_bytes(2, "little") + value


@pytest.fixture
def header() -> Callable[[Path], Header]:
    return header_of


@pytest.fixture
def refs() -> Callable[[Path], list[FrameRef]]:
    return refs_of


@pytest.fixture
def load() -> Callable[[Path], np.ndarray]:
    return pixels_of


@pytest.fixture
def pack() -> Callable[..., Dataset]:
    return compressed


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Dataset], Path]:
    def write(data: Dataset, name: str = "image.dcm") -> Path:
        path = tmp_path / name
        uid = data.file_meta.TransferSyntaxUID
        if uid.is_transfer_syntax:
            data.save_as(path, enforce_file_format=True)
            return path
        stand_in = UID("1.2.840.10008.1.2.4.80")  # pydicom writes only what it knows
        data.file_meta.TransferSyntaxUID = stand_in
        data.save_as(path, enforce_file_format=True)
        old, new = (_meta_uid(u) for u in (stand_in, uid))
        content = path.read_bytes()
        length = int.from_bytes(content[140:144], "little") + len(new) - len(old)
        content = content[:140] + length.to_bytes(4, "little") + content[144:]
        path.write_bytes(content.replace(old, new, 1))
        return path

    return write


@pytest.fixture
def noise() -> Callable[..., np.ndarray]:
    """Smooth picture with noise over a range of values."""

    def make(low: int, high: int, shape: tuple[int, ...] = (33, 47), seed: int = 3) -> np.ndarray:
        rng = np.random.default_rng(seed)
        wave = np.sin(np.arange(shape[0])[:, None] / 5) * np.cos(np.arange(shape[1]) / 7)
        values = (wave + 1) / 2
        if len(shape) == 3:
            values = np.stack([np.roll(values, 5 * n, 1) for n in range(shape[2])], axis=-1)
        values = low + (high - low) * (0.1 + 0.8 * values) + rng.normal(0, (high - low) / 60, shape)
        values.flat[0], values.flat[-1] = low, high
        return np.clip(np.rint(values), low, high).astype(np.int64)

    return make
