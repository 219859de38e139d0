"""DICOM as one of the formats: a single file, found by content like any other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from medvox.core.errors import FormatError
from medvox.core.progress import Progress, silent
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.dicom.header_lines import header_lines
from medvox.dicom.scan import is_dicom, read_header
from medvox.dicom.series import make_studies
from medvox.formats.base import Format, Head, WriteReport
from medvox.formats.inputs import InputFile

if TYPE_CHECKING:
    from medvox.dicom.writing import DicomWriteOptions

PREAMBLE = 128


class DicomFormat(Format):
    """DICOM files (PS3.10). Folders of them are sorted into series by `medvox.dicom.series`."""

    name: ClassVar[str] = "DICOM"
    suffixes: ClassVar[tuple[str, ...]] = (".dcm",)
    writes: ClassVar[bool] = True
    holds: ClassVar[str] = "all of it: CT, MR, PET, US, X-ray, secondary capture; classic and multi-frame"
    lossy: ClassVar[str] = "floats (16 bits of the range, the error is told), axes other than time"

    def sniff(self, head: Head) -> float:
        """Certain with the prefix DICM, likely where a bare data set seems to begin."""
        if head.first[PREAMBLE : PREAMBLE + 4] == b"DICM":
            return 1.0
        return 0.6 if is_dicom(head.first) else 0.0

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header and return the images of one file."""
        header = read_header(InputFile(path, path.name, path.stat().st_size))
        studies, findings = make_studies([header])
        series = [s for study in studies for s in study.series]
        images = tuple(image for s in series for image in s.images)
        if not images:
            notes = [*findings, *(f for s in series for f in s.findings)]
            reason = "; ".join(f.text for f in notes) or next((s.object_type for s in series), None)
            raise FormatError("the file holds no image", where=path, got=reason)
        return images

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Return the whole header, sequences flattened."""
        return header_lines(str(path))

    def write(
        self,
        volume: Volume,
        path: Path,
        progress: Progress = silent,
        options: DicomWriteOptions | None = None,
    ) -> WriteReport:
        """Write a volume: one file where `path` ends in ``.dcm``, else a folder of classic images.

        Parameters
        ----------
        options
            See `medvox.dicom.writing.DicomWriteOptions`.

        Raises
        ------
        UnsupportedError
            If no DICOM image can hold the volume; the text lists the choices.
        WriteError, AccessError
            If the system refuses.
        """
        from medvox.dicom.writing import write_instance, write_series

        single = path.name.lower().endswith(self.suffixes) and not path.is_dir()
        return (write_instance if single else write_series)(volume, path, options, progress)
