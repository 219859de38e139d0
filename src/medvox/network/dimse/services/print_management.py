"""Print management, greyscale: sessions, films, image boxes, presentation LUTs, printer (PS3.4 H)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4
from weakref import WeakKeyDictionary

from medvox.core.errors import LimitError, MedvoxError, WriteError
from medvox.network.dimse.commands import Operation, Status
from medvox.network.dimse.messages import Message, Messenger
from medvox.network.dimse.normalized import NormalizedAnswer, NormalizedRequest, Perform, serve_normalized
from medvox.network.dimse.syntaxes import NATIVE, prefer
from medvox.network.handlers import RefusedError

if TYPE_CHECKING:
    from pydicom import Dataset

_BASIC = "1.2.840.10008.5.1.1."
GRAYSCALE_PRINT = _BASIC + "9"
"""Basic Grayscale Print Management Meta SOP Class (PS3.4 H.3.2.2.1)."""
FILM_SESSION, FILM_BOX, IMAGE_BOX = _BASIC + "1", _BASIC + "2", _BASIC + "4"
PRINTER, PRINTER_INSTANCE = _BASIC + "16", _BASIC + "17"
PRESENTATION_LUT = _BASIC + "23"
_PRINT = 1
"""Action Type ID of printing."""
_MOST_IMAGES, _MOST_FILMS, _MOST_BYTES = 200, 200, 1 << 30
_EMPTY_SESSION, _EMPTY_FILM, _NO_FILM, _NO_JOB, _NO_MEMORY = 0xB602, 0xB603, 0xC600, 0xC601, 0xC605


@dataclass(frozen=True, slots=True)
class FilmImage:
    """An image on a film, unscaled.

    Parameters
    ----------
    box
        Image box attributes (PS3.3 C.13.5): Polarity, Magnification Type, Requested Image Size.
    image
        Image Pixel attributes (PS3.3 C.13.5, Basic Grayscale Image Sequence).
    """

    box: Dataset
    image: Dataset


@dataclass(frozen=True, slots=True)
class Film:
    """A sheet.

    Parameters
    ----------
    box
        Film box attributes (PS3.3 C.13.3): Image Display Format, Film Size ID, densities and so on.
    images
        Images by position, from 1.
    boxes
        Positions there are.
    lut
        Presentation LUT attributes (PS3.3 C.11.4), or None.
    """

    box: Dataset
    images: Mapping[int, FilmImage]
    boxes: int
    lut: Dataset | None = None


@dataclass(frozen=True, slots=True)
class PrintRequest:
    """What is to be printed.

    Parameters
    ----------
    session
        Film session attributes (PS3.3 C.13.1): Number of Copies, Print Priority, Medium Type and so on.
    films
        The sheets, in order.
    calling_ae, peer_address
        Who prints, and from where.
    """

    session: Dataset
    films: tuple[Film, ...]
    calling_ae: str
    peer_address: str


class PrintHandler(Protocol):
    """Prints."""

    def printer(self) -> Dataset:
        """Return the attributes of the printer, Printer Status first (PS3.3 C.13.9)."""

    def formats(self, display_format: str) -> int:
        """Return how many images a film of an Image Display Format has; 0 where it is not supported."""

    def submit(self, request: PrintRequest) -> None:
        """Take a job; return when it survives the end of the process.

        Raises
        ------
        WriteError, LimitError
            If it cannot be taken now.
        FormatError
            If an image cannot be printed.
        """


@dataclass(slots=True)
class _Box:
    """A film box with its image boxes by UID."""

    data: Dataset
    images: dict[str, tuple[int, FilmImage | None]]


@dataclass(slots=True)
class _Session:
    """What an association has made: it ends with it (PS3.4 H.4.1.2.1)."""

    uid: str = ""
    data: Dataset | None = None
    films: dict[str, _Box] = field(default_factory=dict)
    luts: dict[str, Dataset] = field(default_factory=dict)
    bytes: int = 0


class PrintService:
    """Performs print management; each association has film sessions of its own.

    Parameters
    ----------
    handler
        Prints.
    """

    def __init__(self, handler: PrintHandler) -> None:
        self._handler = handler
        self._sessions: WeakKeyDictionary[Messenger, _Session] = WeakKeyDictionary()

    def choose(self, abstract_syntax: str, proposed: tuple[str, ...]) -> str | None:
        """Take the meta SOP class, Presentation LUT and Printer in native encodings."""
        known = abstract_syntax in (GRAYSCALE_PRINT, PRESENTATION_LUT, PRINTER)
        return prefer(proposed, NATIVE) if known else None

    def serve(self, messenger: Messenger, message: Message) -> None:
        """Perform one request."""
        session = self._sessions.setdefault(messenger, _Session())
        performer = _Performer(self._handler, session)
        operations: dict[Operation, Perform] = {
            Operation.N_CREATE: performer.create,
            Operation.N_SET: performer.set,
            Operation.N_GET: performer.get,
            Operation.N_ACTION: performer.action,
            Operation.N_DELETE: performer.delete,
        }
        serve_normalized(messenger, message, operations)


class _Performer:
    """Operations on the print objects of an association."""

    def __init__(self, handler: PrintHandler, session: _Session) -> None:
        self._handler = handler
        self._session = session

    def create(self, request: NormalizedRequest) -> NormalizedAnswer:
        made = {
            FILM_SESSION: self._create_session,
            FILM_BOX: self._create_film,
            PRESENTATION_LUT: self._create_lut,
        }.get(request.instance.sop_class_uid)
        if made is None:
            raise RefusedError(Status.NO_SUCH_SOP_CLASS, "nothing of this SOP class can be made")
        session, uid = self._session, request.instance.sop_instance_uid or _new_uid()
        if uid == session.uid or uid in session.films or uid in session.luts:
            raise RefusedError(Status.DUPLICATE_SOP_INSTANCE, "there is one of this UID")
        return NormalizedAnswer(data=made(uid, _given(request)), sop_instance_uid=uid)

    def _create_session(self, uid: str, data: Dataset) -> Dataset:
        if self._session.uid:
            raise RefusedError(Status.PROCESSING_FAILURE, "the association has a film session")
        self._session.uid, self._session.data = uid, data
        return data

    def _create_film(self, uid: str, data: Dataset) -> Dataset:
        from pydicom import Dataset

        session = self._session
        if _referenced(data, "ReferencedFilmSessionSequence") != session.uid or not session.uid:
            raise RefusedError(Status.INVALID_ATTRIBUTE_VALUE, "there is no such film session",
                               attributes=(0x20100500,))  # fmt: skip
        count = self._handler.formats(_text(data, "ImageDisplayFormat"))
        if not 0 < count <= _MOST_IMAGES:
            raise RefusedError(Status.INVALID_ATTRIBUTE_VALUE, "the image display format is not supported",
                               attributes=(0x20100010,))  # fmt: skip
        if len(session.films) >= _MOST_FILMS:
            raise RefusedError(Status.RESOURCE_LIMITATION, "the film session has too many films")
        images: list[Dataset] = []
        for _ in range(count):
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = IMAGE_BOX, _new_uid()
            images.append(item)
        self._check_lut(data)
        names = [str(item.ReferencedSOPInstanceUID) for item in images]
        session.films[uid] = _Box(data, {name: (k, None) for k, name in enumerate(names, start=1)})
        reply = Dataset()
        reply.update(data)
        reply.ReferencedImageBoxSequence = images
        return reply

    def _create_lut(self, uid: str, data: Dataset) -> Dataset:
        if "PresentationLUTShape" not in data and "PresentationLUTSequence" not in data:
            raise RefusedError(
                Status.MISSING_ATTRIBUTE, "shape or table is missing", attributes=(0x20500020,)
            )
        self._session.luts[uid] = data
        return data

    def _check_lut(self, data: Dataset) -> None:
        named = _referenced(data, "ReferencedPresentationLUTSequence")
        if named and named not in self._session.luts:
            raise RefusedError(Status.INVALID_ATTRIBUTE_VALUE, "there is no such presentation LUT",
                               attributes=(0x20500500,))  # fmt: skip

    def set(self, request: NormalizedRequest) -> NormalizedAnswer:
        session, uid, data = self._session, request.instance.sop_instance_uid, _given(request)
        if uid == session.uid and session.data is not None:
            session.data.update(data)
        elif uid in session.films:
            if _text(data, "ImageDisplayFormat") not in (
                "",
                _text(session.films[uid].data, "ImageDisplayFormat"),
            ):
                raise RefusedError(Status.INVALID_ATTRIBUTE_VALUE, "the image display format stays",
                                   attributes=(0x20100010,))  # fmt: skip
            self._check_lut(data)
            session.films[uid].data.update(data)
        else:
            self._set_image(uid, data)
        return NormalizedAnswer(data=data if uid in (session.uid, *session.films) else None)

    def _set_image(self, uid: str, data: Dataset) -> None:
        film = next((film for film in self._session.films.values() if uid in film.images), None)
        if film is None:
            raise _unknown()
        position, before = film.images[uid]
        self._session.bytes -= _size(before)
        given = data.get("ImageBoxPosition", position)
        if given != position:
            raise RefusedError(Status.INVALID_ATTRIBUTE_VALUE, "the position is that of another image box",
                               attributes=(0x20200010,))  # fmt: skip
        sequence = data.get("BasicGrayscaleImageSequence")
        image = None if not sequence else FilmImage(data, _checked(sequence[0]))
        if self._session.bytes + _size(image) > _MOST_BYTES:
            raise RefusedError(_NO_MEMORY, "the images of the film session are too large")
        self._session.bytes += _size(image)
        film.images[uid] = (position, image)

    def get(self, request: NormalizedRequest) -> NormalizedAnswer:
        from pydicom import Dataset

        if request.instance.sop_class_uid != PRINTER or request.instance.sop_instance_uid != PRINTER_INSTANCE:
            raise _unknown()
        told = self._handler.printer()
        found = Dataset()
        for element in told:
            if not request.wanted or element.tag in request.wanted:
                found.add(element)
        return NormalizedAnswer(data=found)

    def action(self, request: NormalizedRequest) -> NormalizedAnswer:
        if request.type_id != _PRINT:
            raise RefusedError(Status.NO_SUCH_ACTION_TYPE, "the action is not printing")
        session, uid = self._session, request.instance.sop_instance_uid
        if uid == session.uid and uid:
            chosen, empty = list(session.films.values()), _EMPTY_SESSION
        elif uid in session.films:
            chosen, empty = [session.films[uid]], _EMPTY_FILM
        else:
            raise _unknown()
        if not chosen:
            raise RefusedError(_NO_FILM, "the film session has no films")
        films = tuple(self._film(each) for each in chosen)
        assert session.data is not None
        try:
            self._handler.submit(PrintRequest(session.data, films, request.calling_ae, request.peer_address))
        except RefusedError:
            raise
        except (WriteError, LimitError) as error:
            raise RefusedError(_NO_JOB, error.what) from error
        except MedvoxError as error:
            raise RefusedError(Status.PROCESSING_FAILURE, error.what) from error
        return NormalizedAnswer(Status.SUCCESS if all(film.images for film in films) else empty)

    def _film(self, film: _Box) -> Film:
        named = _referenced(film.data, "ReferencedPresentationLUTSequence")
        images = {position: image for position, image in film.images.values() if image is not None}
        return Film(film.data, images, len(film.images), self._session.luts.get(named))

    def delete(self, request: NormalizedRequest) -> NormalizedAnswer:
        session, uid = self._session, request.instance.sop_instance_uid
        if uid and uid == session.uid:
            session.uid, session.data, session.bytes = "", None, 0
            session.films.clear()
        elif uid in session.films:
            gone = session.films.pop(uid)
            session.bytes -= sum(_size(image) for _, image in gone.images.values())
        elif uid in session.luts:
            del session.luts[uid]
        else:
            raise _unknown()
        return NormalizedAnswer()


def _given(request: NormalizedRequest) -> Dataset:
    from pydicom import Dataset

    return Dataset() if request.data is None else request.data


def _new_uid() -> str:
    return f"2.25.{uuid4().int}"


def _unknown() -> RefusedError:
    return RefusedError(Status.NO_SUCH_SOP_INSTANCE, "there is no such SOP instance")


def _text(data: Dataset, keyword: str) -> str:
    """Value as text, several parts joined by a backslash."""
    value: Any = data.get(keyword)
    several = value is not None and not isinstance(value, str) and hasattr(value, "__iter__")
    return "\\".join(map(str, value)) if several else str(value or "")


def _referenced(data: Dataset, keyword: str) -> str:
    items: Any = data.get(keyword)
    return str(items[0].get("ReferencedSOPInstanceUID", "")) if items else ""


def _size(image: FilmImage | None) -> int:
    return 0 if image is None else len(image.image.PixelData)


def _checked(image: Dataset) -> Dataset:
    """Refuse an image that is not as PS3.4 table H.4-7 has them, or whose pixels are not all there."""
    rows, columns, allocated = (
        int(image.get(keyword) or 0) for keyword in ("Rows", "Columns", "BitsAllocated")
    )
    grey = str(image.get("PhotometricInterpretation", "")).startswith("MONOCHROME")
    stored = int(image.get("BitsStored") or 0)
    if not grey or allocated not in (8, 16) or not 8 <= stored <= allocated or not rows * columns:
        raise RefusedError(Status.INVALID_ATTRIBUTE_VALUE, "the image is not greyscale of 8 or 16 bits",
                           attributes=(0x20200110,))  # fmt: skip
    pixels = image.get("PixelData")
    if not isinstance(pixels, bytes) or len(pixels) < rows * columns * allocated // 8:
        raise RefusedError(Status.INVALID_ATTRIBUTE_VALUE, "pixels of the image are missing",
                           attributes=(0x7FE00010,))  # fmt: skip
    return image
