"""Look: how values become pixels, and the picture of one stored slice's values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.volume import Volume, Window
from medvox.rendering.colormap import apply_colormap
from medvox.rendering.window import function_of, table_gray, to_gray, windows

AnyArray = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Look:
    """How values are shown.

    Parameters
    ----------
    window
        None: the volume's first (`medvox.rendering.window.windows`).
    inverted
        Low values white; None: as the file asks.
    colormap
        One of `medvox.rendering.colormap.COLORMAPS`.
    """

    window: Window | None = None
    inverted: bool | None = None
    colormap: str = "gray"

    def settled(self, volume: Volume) -> Look:
        """Return a copy with its window and inversion decided for a volume."""
        inverted = volume.display.inverted if self.inverted is None else self.inverted
        if self.window is not None or volume.is_colour or _table_of(volume) is not None:
            return replace(self, inverted=inverted)
        return replace(self, window=windows(volume)[0], inverted=inverted)

    def paint(self, volume: Volume, values: AnyArray) -> NDArray[np.uint8]:
        """Pixels of values of a volume.

        Parameters
        ----------
        values
            (rows, columns), or (channel, rows, columns) for colour, in the volume's unit.

        Returns
        -------
        (rows, columns) or (rows, columns, 3) uint8
        """
        if volume.is_colour:
            return _paint_colour(values, volume.value_dtype)
        look = self if self.inverted is not None else self.settled(volume)
        table = _table_of(volume)
        if look.window is not None:
            gray = to_gray(values, look.window, bool(look.inverted), function_of(volume))
        elif table is not None:
            gray = table_gray(values, table, bool(look.inverted))
        else:
            gray = to_gray(values, windows(volume)[0], bool(look.inverted), function_of(volume))
        return gray if look.colormap == "gray" else apply_colormap(gray, look.colormap)


def _table_of(volume: Volume) -> tuple[float, tuple[float, ...]] | None:
    """VOI look-up table, where the file gives one and no window."""
    return None if volume.display.windows else volume.display.voi_table


def _paint_colour(values: AnyArray, dtype: np.dtype[Any]) -> NDArray[np.uint8]:
    """Red, green, blue (and more, left out) as 8 bits; fractions count as 0..1, wide integers are scaled."""
    full = 255.0 if dtype.itemsize == 1 else float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0
    scaled = np.clip(np.nan_to_num(np.asarray(values, dtype=np.float32)) * (255.0 / full), 0, 255)
    channels = [scaled[min(n, len(scaled) - 1)] for n in range(3)] if len(scaled) < 3 else list(scaled[:3])
    pixels: NDArray[np.uint8] = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    return pixels
