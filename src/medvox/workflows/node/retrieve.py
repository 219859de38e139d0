"""Retrieval: C-GET and C-MOVE served by the archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medvox.archive.archive import Archive
from medvox.archive.model import InstanceRow, Level, Query
from medvox.core.errors import UsageError
from medvox.network.handlers import Destination
from medvox.workflows.node.query import key_text

if TYPE_CHECKING:
    from pydicom import Dataset

_PATIENT_ID, _ISSUER, _STUDY, _SERIES, _INSTANCE = (
    0x00100020, 0x00100021, 0x0020000D, 0x0020000E, 0x00080018,
)  # fmt: skip
_UNIQUE: Final = {"PATIENT": _PATIENT_ID, "STUDY": _STUDY, "SERIES": _SERIES, "IMAGE": _INSTANCE}
"""The key that each level must have (PS3.4 C.4.2.1.4)."""
_Place = tuple[str | None, str | None, str | None]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An archived instance to send (an `ObjectToSend`)."""

    archive: Archive
    row: InstanceRow

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID."""
        return self.row.sop_class

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID."""
        return self.row.sop_uid

    @property
    def study_uid(self) -> str:
        """Study Instance UID."""
        return self.row.study_uid

    @property
    def transfer_syntax(self) -> str:
        """UID of the encoding it is stored in."""
        return self.row.transfer_syntax

    def open(self) -> bytes:
        """Return the data set."""
        return self.archive.read_data_set(self.row)

    def transcode(self, transfer_syntax: str) -> bytes | None:
        """Return the data set in a native little endian encoding, None in others.

        Raises
        ------
        FormatError, UnsupportedError
            If its pixels cannot be decoded.
        """
        from medvox.dicom.writing.files.uncompress import uncompressed

        return uncompressed(self.open(), self.transfer_syntax, transfer_syntax)


class ArchiveRetrieve:
    """Finds what is to be sent (a `RetrieveHandler`).

    Parameters
    ----------
    archive
        Where.
    destination_of
        Returns where a title is, or None; of a destination and who asks.
    """

    def __init__(self, archive: Archive, destination_of: Callable[[str, str], Destination | None]) -> None:
        self._archive = archive
        self._destination_of = destination_of

    def retrieve(
        self, model: str, level: str, identifier: Dataset, calling_ae: str
    ) -> Sequence[StoredObject]:
        """Return the instances that unique keys name, each once."""
        keys = {int(one.tag): key_text(one) for one in identifier}
        if not keys.get(_UNIQUE[level]):
            raise UsageError("the unique key of the level is missing", got=level)
        found: dict[str, InstanceRow] = {}
        for study, series, instance in self._places(level, keys):
            for row in self._archive.instances(study, series, instance):
                found.setdefault(row.sop_uid, row)
        return [StoredObject(self._archive, row) for row in found.values()]

    def destination(self, ae_title: str, calling_ae: str) -> Destination | None:
        """Return where a move destination is."""
        return self._destination_of(ae_title.strip(), calling_ae)

    def _places(
        self, level: str, keys: dict[int, str]
    ) -> Iterator[tuple[str | None, str | None, str | None]]:
        """UIDs of study, series and instance to look for."""
        studies, series, instances = (_uids(keys.get(tag, "")) for tag in (_STUDY, _SERIES, _INSTANCE))
        if level == "PATIENT":
            filters = {tag: keys[tag] for tag in (_PATIENT_ID, _ISSUER) if keys.get(tag)}
            if any(mark in text for text in filters.values() for mark in "*?"):
                raise UsageError("a unique key has no wildcards")
            after: str | None = None
            while True:
                page = self._archive.find(Query(Level.STUDY, filters, frozenset((_STUDY,)), 1000, after))
                yield from ((row["0020000D"]["Value"][0], None, None) for row in page.rows)
                if (after := page.next) is None:
                    return
        for study in studies or [None]:
            for one in (series if level != "STUDY" else []) or [None]:
                for uid in (instances if level == "IMAGE" else []) or [None]:
                    yield study, one, uid


def _uids(text: str) -> list[str | None]:
    return [uid.strip() for uid in text.split("\\") if uid.strip()]
