"""Printing on a DICOM printer as user: film session, films, images (PS3.4 H)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medvox.core.errors import NetworkError, UsageError
from medvox.core.progress import Progress, silent
from medvox.network.dimse.normalized import NormalizedUser, SopInstance
from medvox.network.dimse.services.print_management import (
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_PRINT,
    IMAGE_BOX,
    PRINTER,
    PRINTER_INSTANCE,
)

if TYPE_CHECKING:
    from pydicom import Dataset

_PRINT = 1
SIZES = (
    "8INX10IN", "8_5INX11IN", "10INX12IN", "10INX14IN", "11INX14IN", "11INX17IN", "14INX14IN", "14INX17IN",
    "24CMX24CM", "24CMX30CM", "A4", "A3",
)  # fmt: skip
"""Film Size ID (2010,0050)."""
MAGNIFICATIONS = ("REPLICATE", "BILINEAR", "CUBIC", "NONE")
"""Magnification Type (2010,0060)."""


@dataclass(frozen=True, slots=True)
class PrintOptions:
    """How to print.

    Parameters
    ----------
    columns, rows
        Images across and down a film.
    size
        One of `SIZES`.
    is_landscape
        Whether films lie on their long side.
    copies
        Of each film.
    magnification
        One of `MAGNIFICATIONS`.
    label
        Film Session Label.

    Raises
    ------
    UsageError
        If one of them cannot be.
    """

    columns: int = 1
    rows: int = 1
    size: str = "14INX17IN"
    is_landscape: bool = False
    copies: int = 1
    magnification: str = "CUBIC"
    label: str = ""

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise UsageError("unknown film size", got=self.size, expected=SIZES)
        if self.magnification not in MAGNIFICATIONS:
            raise UsageError("unknown magnification", got=self.magnification, expected=MAGNIFICATIONS)
        if min(self.columns, self.rows, self.copies) < 1:
            raise UsageError("columns, rows and copies are at least 1")


def printer_status(user: NormalizedUser) -> tuple[str, str]:
    """Return Printer Status and Printer Status Info: NORMAL, WARNING or FAILURE, and why (PS3.3 C.13.9)."""
    asked = (0x21100010, 0x21100020)
    found = user.get(SopInstance(PRINTER, PRINTER_INSTANCE, GRAYSCALE_PRINT), asked).data
    if found is None:
        return "", ""
    return str(found.get("PrinterStatus", "")), str(found.get("PrinterStatusInfo", ""))


def print_images(
    user: NormalizedUser,
    images: Sequence[Dataset],
    options: PrintOptions = PrintOptions(),
    progress: Progress = silent,
) -> Iterator[int]:
    """Print images film by film, and yield the status of each film: 0, or a warning.

    Parameters
    ----------
    user
        An association with `GRAYSCALE_PRINT`.
    images
        Image Pixel attributes of greyscale images, of 8 bits or 12 in 16.
    options
        How to print.
    progress
        Is told of each image.

    Raises
    ------
    RefusedError
        If the printer refuses.
    NetworkError
        If it makes too few image boxes, or the association breaks.
    """
    session = user.create(_of(FILM_SESSION), _session(options)).sop_instance_uid
    if not session:
        raise NetworkError("the printer does not name the film session")
    a_film, done = options.columns * options.rows, 0
    for first in range(0, len(images), a_film):
        made = user.create(_of(FILM_BOX), _film(options, session))
        boxes = [] if made.data is None else list(made.data.get("ReferencedImageBoxSequence") or ())
        chosen = images[first : first + a_film]
        if len(boxes) < len(chosen):
            raise NetworkError("the printer makes too few image boxes", got=len(boxes), expected=a_film)
        for position, (box, image) in enumerate(zip(boxes, chosen, strict=False), start=1):
            user.set(_of(IMAGE_BOX, str(box.ReferencedSOPInstanceUID)), _box(position, image))
            done += 1
            progress(done, len(images), "Printing")
        film = _of(FILM_BOX, made.sop_instance_uid)
        yield user.action(film, _PRINT).status
        user.delete(film)
    user.delete(_of(FILM_SESSION, session))


def _of(sop_class: str, uid: str = "") -> SopInstance:
    return SopInstance(sop_class, uid, GRAYSCALE_PRINT)


def _session(options: PrintOptions) -> Dataset:
    from pydicom import Dataset

    made = Dataset()
    made.NumberOfCopies = options.copies
    if options.label:
        made.FilmSessionLabel = options.label
    return made


def _film(options: PrintOptions, session: str) -> Dataset:
    from pydicom import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = FILM_SESSION, session
    made = Dataset()
    made.ImageDisplayFormat = f"STANDARD\\{options.columns},{options.rows}"
    made.FilmOrientation = "LANDSCAPE" if options.is_landscape else "PORTRAIT"
    made.FilmSizeID, made.MagnificationType = options.size, options.magnification
    made.ReferencedFilmSessionSequence = [item]
    return made


def _box(position: int, image: Dataset) -> Dataset:
    from pydicom import Dataset

    made = Dataset()
    made.ImageBoxPosition = position
    made.Polarity = "NORMAL"
    made.BasicGrayscaleImageSequence = [image]
    return made
