"""Films: sheets with images, drawn to greyscale pictures and PDF (PS3.3 C.13, PS3.4 H)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError

if TYPE_CHECKING:
    from pydicom import Dataset

    from medvox.network.dimse.services.print_management import Film, FilmImage

Grey = NDArray[np.uint8]
Fractions = NDArray[np.float32]
Cell = tuple[int, int, int, int]
_INCH = 25.4
_SIZES = {"A4": (210.0, 297.0), "A3": (297.0, 420.0)}
_DEFAULT_SIZE = "14INX17IN"
_MARGIN_MM = 4.0
_DARKEST = 320
"""Density of the darkest film, in hundredths of optical density; a picture is black there and white at 0."""
_ORDERS = {"REPLICATE": 0, "BILINEAR": 1, "CUBIC": 3}


def rows_of(display_format: str) -> list[int] | None:
    r"""Return how many images each row of an Image Display Format has (PS3.3 C.13.3.1).

    ``STANDARD\C,R``, ``ROW\R1,R2``, and ``COL\C1,C2``, whose columns are returned as rows; None for others.

    Examples
    --------
    >>> rows_of("STANDARD\\2,3")
    [2, 2, 2]
    """
    kind, _, text = display_format.strip().upper().partition("\\")
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        return None
    if not all(0 < number <= 100 for number in numbers) or len(numbers) > 100:
        return None
    if kind == "STANDARD":
        return [numbers[0]] * numbers[1] if len(numbers) == 2 else None
    return numbers if kind in ("ROW", "COL") else None


def size_mm(film: Dataset) -> tuple[float, float]:
    """Return width and height of a sheet in mm, by Film Size ID and Film Orientation."""
    name = str(film.get("FilmSizeID") or _DEFAULT_SIZE).strip().upper()
    sides = _SIZES.get(name) or _measured(name) or _measured(_DEFAULT_SIZE)
    assert sides is not None
    short, long = sorted(sides)
    is_wide = str(film.get("FilmOrientation") or "PORTRAIT").strip().upper() == "LANDSCAPE"
    return (long, short) if is_wide else (short, long)


def _measured(name: str) -> tuple[float, float] | None:
    """Sides of a name like 8_5INX11IN or 24CMX30CM, in mm."""
    for unit, millimetres in (("IN", _INCH), ("CM", 10.0)):
        parts = name.split("X")
        if len(parts) == 2 and all(part.endswith(unit) for part in parts):
            try:
                first, second = (float(part.removesuffix(unit).replace("_", ".")) for part in parts)
            except ValueError:
                return None
            return first * millimetres, second * millimetres
    return None


def draw(film: Film, dpi: int = 150) -> Grey:
    """Draw a sheet.

    P-values are laid between Max and Min Density in equal steps of density; a picture is white at density 0
    and black at 3.2. Border Density is that of what is around images, Empty Image Density of boxes without.

    Parameters
    ----------
    film
        The sheet.
    dpi
        Dots an inch.

    Returns
    -------
    picture
        (rows, columns), 0 black to 255 white.

    Raises
    ------
    FormatError
        If the format of the film is not supported.
    """
    width, height = (round(side / _INCH * dpi) for side in size_mm(film.box))
    lightest, darkest = _densities(film.box)
    sheet = np.full((height, width), _grey(_density(film.box, "BorderDensity", lightest, darkest)), np.uint8)
    empty = _grey(_density(film.box, "EmptyImageDensity", lightest, darkest))
    margin = round(_MARGIN_MM / _INCH * dpi)
    for position, cell in enumerate(_cells(film.box, (height, width), margin), start=1):
        top, left, rows, columns = cell
        image = film.images.get(position)
        if image is None:
            sheet[top : top + rows, left : left + columns] = empty
            continue
        values = _scaled(_fractions(image, film.lut), image, film.box, (rows, columns, dpi))
        picture = _grey(darkest - values * (darkest - lightest))
        above, before = top + (rows - picture.shape[0]) // 2, left + (columns - picture.shape[1]) // 2
        sheet[above : above + picture.shape[0], before : before + picture.shape[1]] = picture
        if str(film.box.get("Trim") or "NO").strip().upper() == "YES":
            _frame(sheet, (above, before, *picture.shape), _grey(lightest))
    return sheet


def _cells(film: Dataset, shape: tuple[int, int], margin: int) -> list[Cell]:
    """Boxes in the order of their positions: row by row, for COL column by column."""
    text = film.get("ImageDisplayFormat")
    name = text if isinstance(text, str) else "\\".join(map(str, text or ()))
    counts = rows_of(name)
    if counts is None:
        raise FormatError("the image display format is not supported", got=name)
    is_turned = name.strip().upper().startswith("COL")
    across, along = (shape[1], shape[0]) if not is_turned else shape
    cells = []
    for k, count in enumerate(counts):
        first, last = _part(along, len(counts), k, margin)
        for n in range(count):
            begin, end = _part(across, count, n, margin)
            cell = (first, begin, last - first, end - begin)
            cells.append((begin, first, end - begin, last - first) if is_turned else cell)
    return cells


def _part(length: int, count: int, number: int, margin: int) -> tuple[int, int]:
    """First and last dot of one of `count` equal parts with margins around."""
    each = (length - margin * (count + 1)) / count
    first = margin + number * (each + margin)
    return round(first), max(round(first + each), round(first) + 1)


def _densities(film: Dataset) -> tuple[float, float]:
    lightest = float(film.get("MinDensity") or 0)
    darkest = float(film.get("MaxDensity") or _DARKEST)
    lightest, darkest = (min(max(value, 0.0), _DARKEST) for value in (lightest, darkest))
    return (lightest, darkest) if lightest < darkest else (0.0, float(_DARKEST))


def _density(film: Dataset, keyword: str, lightest: float, darkest: float) -> float:
    """Density of BLACK, WHITE or a number of hundredths; the standard has no default: black."""
    text = str(film.get(keyword) or "BLACK").strip().upper()
    if text in ("BLACK", "WHITE"):
        return darkest if text == "BLACK" else lightest
    try:
        return min(max(float(text), lightest), darkest)
    except ValueError:
        return darkest


def _grey(density: Any) -> Any:
    return np.rint(255 * (1 - np.clip(density, 0, _DARKEST) / _DARKEST)).astype(np.uint8)


def _fractions(image: FilmImage, lut: Dataset | None) -> Fractions:
    """P-values from 0 (dark) to 1 (light): presentation LUT, photometric interpretation, polarity."""
    data = image.image
    kind = "u1" if int(data.BitsAllocated) == 8 else "<u2"
    rows, columns, stored = int(data.Rows), int(data.Columns), int(data.BitsStored)
    values = np.frombuffer(data.PixelData, kind, rows * columns).reshape(rows, columns)
    values = values & ((1 << stored) - 1)
    table = None if lut is None else (lut.get("PresentationLUTSequence") or None)
    fractions = values.astype(np.float32) / ((1 << stored) - 1) if not table else _looked_up(values, table[0])
    if str(data.PhotometricInterpretation).strip() == "MONOCHROME1":
        fractions = 1 - fractions
    if str(image.box.get("Polarity") or "").strip() == "REVERSE":
        fractions = 1 - fractions
    return fractions.astype(np.float32, copy=False)


def _looked_up(values: NDArray[Any], lut: Dataset) -> Fractions:
    count, first, bits = (int(number) for number in lut.LUTDescriptor)
    given = lut.LUTData
    entries = np.frombuffer(given, "<u2") if isinstance(given, bytes) else np.atleast_1d(given)
    count = count or 1 << 16
    if len(entries) < count:
        raise FormatError("the presentation LUT lacks entries", got=len(entries), expected=count)
    found = entries[np.clip(values.astype(np.int64) - first, 0, count - 1)]
    return (found / np.float32((1 << bits) - 1)).astype(np.float32)


def _scaled(values: Fractions, image: FilmImage, film: Dataset, room: tuple[int, int, int]) -> Fractions:
    """Magnify to the box, or to Requested Image Size; NONE leaves images that fit as they are."""
    rows, columns, dpi = room
    kind = str(image.box.get("MagnificationType") or film.get("MagnificationType") or "CUBIC").strip().upper()
    tall = _aspect(image.image)
    height, width = values.shape[0] * tall, float(values.shape[1])
    factor = fit = min(rows / height, columns / width)
    asked = image.box.get("RequestedImageSize")
    if asked:
        factor = min(float(asked) / _INCH * dpi / width, fit)
    elif kind == "NONE":
        factor = min(1.0, fit)
    shape = max(round(height * factor), 1), max(round(width * factor), 1)
    return _resampled(values, (min(shape[0], rows), min(shape[1], columns)), _ORDERS.get(kind, 3))


def _aspect(image: Dataset) -> float:
    """Height of a pixel in widths, by Pixel Aspect Ratio."""
    ratio = image.get("PixelAspectRatio")
    if ratio is None or len(ratio) != 2 or not float(ratio[1]) or not float(ratio[0]):
        return 1.0
    return float(ratio[0]) / float(ratio[1])


def _resampled(values: Fractions, shape: tuple[int, int], order: int) -> Fractions:
    from scipy import ndimage

    steps = [old / new for old, new in zip(values.shape, shape, strict=True)]
    if order and max(steps) > 1:
        values = ndimage.gaussian_filter(values, [max(step - 1, 0) / 2 for step in steps], mode="nearest")
    offsets = [step / 2 - 0.5 for step in steps]
    transform: Any = ndimage.affine_transform
    found = transform(values, steps, offset=offsets, output_shape=shape, order=order, mode="nearest")
    fractions: Fractions = np.clip(found, 0, 1).astype(np.float32)
    return fractions


def _frame(sheet: Grey, cell: Sequence[int], grey: Any) -> None:
    top, left, rows, columns = cell
    bottom, right = top + rows - 1, left + columns - 1
    sheet[[top, bottom], left : right + 1] = grey
    sheet[top : bottom + 1, [left, right]] = grey


def pdf_of(sheets: Sequence[tuple[Grey, tuple[float, float]]]) -> bytes:
    """Return a PDF (ISO 32000-1) of pictures, one on each page, with width and height of the pages in mm."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b""]
    for picture, (width, height) in sheets:
        page = len(objects) + 1
        across, along = width / _INCH * 72, height / _INCH * 72
        content = f"q {across:.3f} 0 0 {along:.3f} 0 0 cm /I Do Q".encode()
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {across:.3f} {along:.3f}]/Contents {page + 1} 0 R"
            f"/Resources<</XObject<</I {page + 2} 0 R>>>>>>".encode()
        )
        objects.append(_stream(b"", content))
        rows, columns = picture.shape
        form = f"/Type/XObject/Subtype/Image/Width {columns}/Height {rows}/ColorSpace/DeviceGray"
        form += "/BitsPerComponent 8/Filter/FlateDecode"
        objects.append(_stream(form.encode(), zlib.compress(np.ascontiguousarray(picture).tobytes(), 6)))
    kids = " ".join(f"{3 + 3 * k} 0 R" for k in range(len(sheets)))
    objects[1] = f"<</Type/Pages/Kids[{kids}]/Count {len(sheets)}>>".encode()
    return _file(objects)


def _stream(words: bytes, content: bytes) -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (words, len(content), content)


def _file(objects: Sequence[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, each in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    start, size = len(out), len(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    return bytes(out)
