"""Printing to a spool folder: each job becomes a PDF and a PNG for each film."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from medvox.archive.state.ae_rules import AeService
from medvox.archive.state.print_jobs import JobStatus, PrintJobs
from medvox.core.errors import MedvoxError, WriteError
from medvox.formats.atomic import atomic_file
from medvox.network.dimse.services.print_management import PrintRequest
from medvox.workflows.node.policy import Gate
from medvox.workflows.node.printing.films import draw, pdf_of, rows_of, size_mm
from medvox.workflows.node.procedures.worklist import enter

if TYPE_CHECKING:
    from pydicom import Dataset

_MOST_COPIES = 100


class FilmSpool:
    """Prints films into a folder (a `medvox.network.dimse.services.print_management.PrintHandler`).

    A job N is the folder ``job-N`` with ``films.pdf`` and ``film-1.png``, ``film-2.png`` and so on; it
    appears when it is whole. Copies are not repeated: the number stands in the job.

    Parameters
    ----------
    folder
        The spool; made if missing.
    jobs
        Where jobs are noted.
    dpi
        Dots an inch.
    gate
        What a job passes; None: nothing.
    """

    def __init__(self, folder: Path, jobs: PrintJobs, dpi: int = 150, gate: Gate | None = None) -> None:
        self._gate = gate
        self._folder = folder
        self._jobs = jobs
        self._dpi = dpi

    def printer(self) -> Dataset:
        """Return the attributes of the printer (PS3.3 C.13.9)."""
        from pydicom import Dataset

        found = Dataset()
        is_there = self._folder.is_dir() or self._folder.parent.is_dir()
        found.PrinterStatus = "NORMAL" if is_there else "FAILURE"
        found.PrinterStatusInfo = "NORMAL" if is_there else "CHECK PRINTER"
        found.PrinterName = "MEDVOX spool"
        found.Manufacturer = "medvox"
        found.ManufacturerModelName = "medvox"
        return found

    def formats(self, display_format: str) -> int:
        """Return how many images a film has; 0 where the format is not supported."""
        return sum(rows_of(display_format) or ())

    def submit(self, request: PrintRequest) -> None:
        """Draw the films and put them into the spool.

        Raises
        ------
        RefusedError
            If the caller may not print.
        WriteError
            If they cannot be written.
        FormatError
            If a film cannot be drawn.
        """
        enter(self._gate, request.calling_ae, AeService.PRINT)
        session = request.session
        copies = min(max(int(session.get("NumberOfCopies") or 1), 1), _MOST_COPIES)
        label = str(session.get("FilmSessionLabel") or "")[:64]
        number = self._jobs.add(
            request.calling_ae, request.peer_address, label=label, films=len(request.films), copies=copies
        )
        self._jobs.set_status(number, JobStatus.PRINTING)
        try:
            self._print(number, request)
        except Exception as error:
            reason = error.what if isinstance(error, MedvoxError) else type(error).__name__
            self._jobs.set_status(number, JobStatus.FAILURE, reason)
            raise
        self._jobs.set_status(number, JobStatus.DONE)
        if self._gate is not None:
            self._gate.note(request.calling_ae, AeService.PRINT, detail=f"{len(request.films)} films")

    def _print(self, number: int, request: PrintRequest) -> None:
        import imagecodecs

        made = self._folder / f".job-{number}"
        try:
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir(parents=True)
            sheets = []
            for k, film in enumerate(request.films, start=1):
                picture = draw(film, self._dpi)
                sheets.append((picture, size_mm(film.box)))
                (made / f"film-{k}.png").write_bytes(imagecodecs.png_encode(picture, level=4))
            with atomic_file(made / "films.pdf") as file:
                file.write(pdf_of(sheets))
            made.rename(self._folder / f"job-{number}")
        except OSError as error:
            shutil.rmtree(made, ignore_errors=True)
            if isinstance(error, MedvoxError):
                raise
            raise WriteError("the film cannot be written", where=made.name, got=error.strerror) from None
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise


def columns_and_rows(images: int) -> tuple[int, int]:
    """Return a layout near the shape of a film for a number of images.

    Examples
    --------
    >>> [columns_and_rows(n) for n in (1, 2, 6, 12)]
    [(1, 1), (1, 2), (2, 3), (3, 4)]
    """
    columns = max(round(math.sqrt(images * 14 / 17)), 1)
    return columns, -(-images // columns)
