"""Archives: zip and tar files, unpacked under limits into a folder that goes when the program ends."""

from __future__ import annotations

import atexit
import bz2
import gzip
import lzma
import os
import re
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from medvox.core.errors import LimitError
from medvox.core.settings import GIB, current

HEAD = 512
"""First bytes by which an archive is known."""
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_BLOCK = 1 << 20
_RATIO = 200
"""More than a GiB unpacked, and this many times the archive's size: a bomb."""
_LONGEST_TAR_HEADER = 1 << 20
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
)
"""What zipfile and tarfile raise on broken or encrypted archives."""

Note = Callable[[str, str, str], None]
"""Takes the code, place and text of a finding."""


def archive_kind(path: Path, first: bytes) -> str | None:
    """Tell by content what archive a file is.

    Parameters
    ----------
    first
        Its first `HEAD` bytes.

    Returns
    -------
    str or None
        ``"zip"``, ``"tar"``, or None. Zip files that are documents (docx, odt, jar, npz, zarr) are none.
    """
    if first[:4] in ZIP_MAGIC:
        return "zip" if _is_plain_zip(path) else None
    if first[257:262] == b"ustar":
        return "tar"
    for magic, opener in ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open)):
        if first.startswith(magic):
            try:
                with cast(BinaryIO, opener(path, "rb")) as stream:
                    return "tar" if stream.read(HEAD)[257:262] == b"ustar" else None
            except _BROKEN:
                return None
    return None


def _is_plain_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except _BROKEN:
        return True  # it will be reported when it is unpacked
    marks = {"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF", ".zgroup", ".zattrs", "zarr.json"}
    return not (marks.intersection(names) or (names and all(name.endswith(".npy") for name in names)))


class Unpacker:
    """Unpacks archives, all of them together within one limit.

    Parameters
    ----------
    note
        Is told what was not unpacked, and why.
    """

    def __init__(self, note: Note) -> None:
        self._note = note
        self._left: int | None = None

    def unpack(self, path: Path, name: str, kind: str, most: int) -> list[tuple[Path, str]]:
        """Unpack the files of an archive.

        Parameters
        ----------
        name
            What people call the archive.
        kind
            As `archive_kind` says.
        most
            Greatest number of files.

        Returns
        -------
        list of (path on disk, name in the archive)
            What was unpacked, also of an archive that is broken further on.
        """
        target = Path(tempfile.mkdtemp(dir=temporary_folder()))
        if self._left is None:
            self._left = min(current().max_expanded_bytes, shutil.disk_usage(target).free - GIB)
        most_bytes = min(self._left, max(GIB, _RATIO * path.stat().st_size))
        budget = _Budget(most_bytes, most)
        unpacked: list[tuple[Path, str]] = []
        try:
            for member, stream in _zip_members(path, budget) if kind == "zip" else _tar_members(path):
                budget.count()
                if isinstance(stream, str):
                    self._note("unreadable-file", f"{name}!/{member}", stream)
                elif (place := self._copy(stream, member, target, f"{name}!/{member}", budget)) is not None:
                    unpacked.append((place, place.relative_to(target).as_posix()))
        except LimitError as error:
            self._note("limit-reached", name, f"The archive was not unpacked any further: {error.reason}.")
        except _BROKEN as error:
            self._note("unreadable-file", name, f"The archive is broken: {_reason(error)}.")
        self._left -= budget.used
        return unpacked

    def _copy(self, stream: IO[bytes], member: str, target: Path, where: str, budget: _Budget) -> Path | None:
        """Write a member to disk; None, and a finding, when that cannot or need not be."""
        parts = [part for part in re.split(r"[/\\\0]", member) if part not in ("", ".")]
        if not parts or ".." in parts:
            self._note("unreadable-file", where, "The name leads out of the archive.")
            return None
        place = target.joinpath(*parts)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as file:
                first = stream.read(HEAD)
                block = first
                while block:
                    budget.spend(len(block))
                    file.write(block)
                    block = stream.read(_BLOCK)
        except LimitError:
            place.unlink()
            raise
        except FileExistsError:
            self._note(
                "unreadable-file", where, "The archive holds this name more than once; the first is used."
            )
            return None
        except _BROKEN as error:
            place.unlink(missing_ok=True)
            self._note("unreadable-file", where, f"It cannot be unpacked: {_reason(error)}.")
            return None
        if archive_kind(place, first) is not None:
            place.unlink()
            self._note("nested-archive", where, "An archive inside an archive is not opened.")
            return None
        return place


_ADVICE = "MEDVOX_MAX_EXPANDED_BYTES and MEDVOX_MAX_FILES set the limits"


class _Budget:
    """Counts bytes and files up to a limit."""

    def __init__(self, most: int, most_files: int) -> None:
        self.used = 0
        self.most = most
        self._files = 0
        self._most_files = most_files

    def count(self) -> None:
        self._files += 1
        if self._files > self._most_files:
            raise LimitError(f"it holds more than {self._most_files} files", advice=_ADVICE)

    def spend(self, count: int) -> None:
        self.used += count
        if self.used > self.most:
            raise LimitError(f"it holds more than {self.most} bytes", advice=_ADVICE)


def _zip_members(path: Path, budget: _Budget) -> Iterator[tuple[str, IO[bytes] | str]]:
    """Yield names and contents of files; a text instead of a content says why there is none."""
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        claimed = sum(info.file_size for info in members)
        if claimed > budget.most:
            raise LimitError(f"it claims to hold {claimed} bytes, more than {budget.most}", advice=_ADVICE)
        for info in members:
            if info.flag_bits & 1:
                yield info.filename, "It is encrypted."
                continue
            try:
                stream = archive.open(info)
            except _BROKEN as error:
                yield info.filename, f"It cannot be unpacked: {_reason(error)}."
                continue
            with stream:
                yield info.filename, stream


class _Member(tarfile.TarInfo):
    """Refuses extension headers that would fill the memory."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        extension = self.type not in tarfile.SUPPORTED_TYPES or self.type in _TAR_EXTENSIONS
        if extension and self.size > _LONGEST_TAR_HEADER:
            raise tarfile.ReadError("an extension header is too long")
        return cast(tarfile.TarInfo, super()._proc_member(archive))  # type: ignore[misc]


_TAR_EXTENSIONS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


def _tar_members(path: Path) -> Iterator[tuple[str, IO[bytes] | str]]:
    """Yield names and contents of files; links and devices are not followed."""
    with tarfile.open(path, "r|*", tarinfo=_Member) as archive:
        while (info := archive.next()) is not None:
            if info.isfile() and (stream := archive.extractfile(info)) is not None:
                yield info.name, stream
            elif not info.isdir():
                yield info.name, "It is a link or a device, not a file."
            cast(Any, archive).members.clear()  # else tarfile remembers every member


def _reason(error: Exception) -> str:
    """Say what went wrong, without paths of this machine."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0][:200] or type(error).__name__


@cache
def temporary_folder() -> Path:
    """Temporary folder of this process, readable by its user only."""
    folder, process = Path(tempfile.mkdtemp(prefix="medvox-")), os.getpid()

    def remove() -> None:
        if os.getpid() == process:  # not in a forked child
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder
