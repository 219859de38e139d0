"""Picture: 8-bit pixels to look at, with what is known of their scale and directions."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError, WriteError

Bytes8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An 8-bit picture.

    Parameters
    ----------
    pixels
        (rows, columns) grey or (rows, columns, 3) red, green, blue; uint8.
    pixel_mm
        Side of a (square) pixel in the patient, or None where there is no one scale.
    letters
        Patient directions towards the left, right, top and bottom edge; empty where unknown.
    label
        What is shown, e.g. ``"S 12.5 mm"``.
    """

    pixels: Bytes8
    pixel_mm: float | None = None
    letters: tuple[str, str, str, str] = ("", "", "", "")
    label: str = ""

    def __post_init__(self) -> None:
        pixels: NDArray[Any] = self.pixels
        shaped = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
        if pixels.dtype != np.uint8 or not shaped or 0 in pixels.shape:
            raise UsageError(
                "pixels make no picture",
                got=f"{pixels.dtype} {pixels.shape}",
                expected="uint8 (rows, columns) or (rows, columns, 3), not empty",
            )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def is_colour(self) -> bool:
        """Whether pixels are red, green, blue."""
        return self.pixels.ndim == 3

    def colour(self) -> Bytes8:
        """(rows, columns, 3) pixels, grey ones three times the same."""
        return self.pixels if self.is_colour else np.repeat(self.pixels[..., None], 3, axis=2)

    def png_bytes(self, level: int = 6) -> bytes:
        """Encode as PNG; the same picture gives the same bytes."""
        import imagecodecs

        return bytes(imagecodecs.png_encode(np.ascontiguousarray(self.pixels), level=level))

    def jpeg_bytes(self, quality: int = 90) -> bytes:
        """Encode as baseline JPEG."""
        import imagecodecs

        return bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(self.pixels), level=quality))

    def save(self, path: str | os.PathLike[str], kind: Literal["png", "jpeg"] | None = None) -> None:
        """Write a file, PNG or JPEG by its suffix or as `kind` says.

        Raises
        ------
        UsageError
            If the suffix names neither.
        WriteError
            If the system refuses; nothing half written is left.
        """
        target = Path(path)
        kinds = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}
        chosen = kind or kinds.get(target.suffix.lower())
        if chosen is None:
            raise UsageError("cannot write this kind of picture", got=target.suffix, expected=tuple(kinds))
        _write(target, self.png_bytes() if chosen == "png" else self.jpeg_bytes())

    def _repr_png_(self) -> bytes:
        return self.png_bytes()


def _write(target: Path, content: bytes) -> None:
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise WriteError("cannot write a picture here", where=target, got=error.strerror) from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise WriteError("writing a picture failed", where=target, got=error.strerror) from error
