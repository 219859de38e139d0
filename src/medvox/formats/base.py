"""What a file format is: one class with sniff, read, header and write."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from medvox.core.errors import UnsupportedError
from medvox.core.progress import Progress, silent
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume

HEAD_BYTES = 1024
"""How many first bytes of a file `sniff` is shown."""


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a file before a format is chosen.

    Parameters
    ----------
    path
        The file.
    first
        Its first `HEAD_BYTES` bytes; for gzip files those of the unpacked content.
    size
        Its size in bytes.
    gzipped
        Whether the content is gzip.
    folder
        Whether it is a folder: some formats are; `first` is empty then.
    """

    path: Path
    first: bytes
    size: int
    gzipped: bool = False
    folder: bool = False

    @property
    def suffix_text(self) -> str:
        """The file's name in small letters, to look at its end."""
        return self.path.name.lower()


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What a writer wrote, and what the format could not hold.

    Parameters
    ----------
    files
        Files written.
    losses
        One sentence for each thing that the file does not say any more.
    notes
        One sentence for each thing that the format requires and the volume does not tell: what stands
        for it.
    """

    files: tuple[Path, ...]
    losses: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Format(ABC):
    """One file format.

    A subclass is registered under the entry-point group ``medvox.formats`` and passes
    `medvox.testing.format_contract.FormatContract`. Errors are `medvox.core.errors` only.
    """

    name: ClassVar[str]
    """Name of the format as people know it, ``"NIfTI"``."""
    suffixes: ClassVar[tuple[str, ...]]
    """Usual suffixes in small letters: ``(".nii.gz", ".nii", ".hdr")``."""
    writes: ClassVar[bool] = False
    """Whether `write` is there."""
    written_suffixes: ClassVar[tuple[str, ...]] = ()
    """Suffixes that `write` takes, the first being the usual one; empty: the same as `suffixes`."""
    reads_ranges: ClassVar[bool] = False
    """Whether all reading goes through `medvox.formats.files`: remote files are not fetched whole then."""
    holds: ClassVar[str] = ""
    """What is read and kept, in a few words, for the table of formats."""
    lossy: ClassVar[str] = ""
    """What a written file cannot hold, in a few words, for the table of formats."""

    @property
    def names_written(self) -> tuple[str, ...]:
        """Suffixes that `write` takes; none where nothing can be written."""
        return (self.written_suffixes or self.suffixes) if self.writes else ()

    @abstractmethod
    def sniff(self, head: Head) -> float:
        """How sure this format is that the file is its own, by content: 0 (no) to 1 (certain).

        A suffix alone never gives more than 0.3. Never raises, whatever the bytes.
        """

    @abstractmethod
    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header and return the images of a file, their values unread.

        Raises
        ------
        FormatError, GeometryError, AccessError
            If the header cannot be used.
        """

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Return the header as lines for the header browser; by default there are none."""
        return ()

    def companions(self, path: Path) -> tuple[Path, ...]:
        """Other files that belong to this one (the .img of a .hdr), not to be opened apart."""
        return ()

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write a volume; the file appears complete or not at all.

        Raises
        ------
        UnsupportedError
            If the format cannot be written, or cannot hold the volume's type or axes.
        WriteError
            If the system refuses.
        """
        raise UnsupportedError(f"{self.name} cannot be written", where=path)


def shortened(text: str, longest: int = 4000) -> str:
    """Cut a long value of a header, with a note of how much is left out."""
    return text if len(text) <= longest else f"{text[:longest]} … ({len(text) - longest} more characters)"


def stored_name(path: Path, suffixes: Sequence[str]) -> str:
    """Name of a file without the longest suffix that fits: ``scan.nii.gz`` -> ``scan``."""
    lower = path.name.lower()
    for suffix in sorted(suffixes, key=len, reverse=True):
        if lower.endswith(suffix) and len(lower) > len(suffix):
            return path.name[: -len(suffix)]
    return path.stem
