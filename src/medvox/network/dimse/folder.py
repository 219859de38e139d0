"""A folder that keeps received instances as Part 10 files (PS3.10 7)."""

from __future__ import annotations

import re
from pathlib import Path

from medvox.core.errors import MedvoxError
from medvox.dicom.writing.files.encode import file_meta
from medvox.formats.atomic import atomic_file
from medvox.network.dimse.commands import Status
from medvox.network.handlers import ReceivedObject

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


class FolderHandler:
    """Writes each instance to ``<SOP Instance UID>.dcm``; a `StorageHandler`.

    Parameters
    ----------
    folder
        Where to; made when the first instance comes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.written: list[Path] = []
        self.errors: list[str] = []

    def store(self, received: ReceivedObject) -> int:
        """Write one file through a temporary name; what cannot be written is a status.

        A UID that is none (PS3.5 9.1) is refused, so that no peer chooses a path.
        """
        uid = received.sop_instance_uid
        if len(uid) > 64 or not _UID.fullmatch(uid):
            self.errors.append("the SOP Instance UID is not valid")
            return Status.CANNOT_UNDERSTAND
        path = self._folder / f"{uid}.dcm"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with atomic_file(path) as file:
                file.write(file_meta(received.sop_class_uid, uid, received.transfer_syntax))
                file.write(received.data)
        except (MedvoxError, OSError) as error:
            self.errors.append(error.what if isinstance(error, MedvoxError) else str(error.strerror))
            return Status.OUT_OF_RESOURCES
        self.written.append(path)
        return Status.SUCCESS
