"""Pictures: PNG, JPEG, JPEG 2000, BMP, GIF, PNM and WebP, decoded and encoded by imagecodecs.

A picture has no place in space. Its resolution is that of a screen or a printer unless it says more, so
distances are in pixels; pictures that medvox writes also carry the spacing of the volume as a text,
``spacing_mm K J I``, where the format has texts, and are read back with it.
"""

from medvox.formats.picture.bmp import BmpFormat
from medvox.formats.picture.gif import GifFormat
from medvox.formats.picture.jpeg import JpegFormat
from medvox.formats.picture.jpeg2000 import Jpeg2000Format
from medvox.formats.picture.png import PngFormat
from medvox.formats.picture.pnm import PnmFormat
from medvox.formats.picture.webp import WebpFormat

__all__ = [
    "BmpFormat",
    "GifFormat",
    "Jpeg2000Format",
    "JpegFormat",
    "PngFormat",
    "PnmFormat",
    "WebpFormat",
]
