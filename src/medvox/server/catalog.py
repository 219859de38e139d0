"""What a scan holds, under ids that stay the same from run to run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal

from medvox.core import finding as core
from medvox.core.errors import MissingError
from medvox.core.study import Image, Kind, Scan, Series, Study
from medvox.server import types as api

API = "/api/v1"
HELP = "/help/findings"
"""Page of this server that explains the codes of findings, an anchor for each."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageEntry:
    """An image with its ids and what it belongs to."""

    id: str
    series_id: str
    study_id: str
    image: Image
    series: Series
    study: Study
    url: str = ""
    """Path of the image in the API."""


class Catalog:
    """Studies, series and images of a scan by id.

    Ids are digests of the Study and Series Instance UIDs (the files' names outside DICOM) and the
    image's label, so that a link to a view holds after a restart.

    Parameters
    ----------
    scan
        What was found.
    base
        Path of the API that serves it.
    """

    def __init__(self, scan: Scan, base: str = API) -> None:
        self.scan, self._base = scan, base
        self.images: dict[str, ImageEntry] = {}
        self.series: dict[str, Series] = {}
        self._studies: list[tuple[str, Study, list[str]]] = []
        taken: set[str] = set()
        for study in scan.studies:
            study_id = _unique(taken, "study", study.uid or "", *_first_files(study.series))
            ids = [self._add_series(taken, study_id, study, series) for series in study.series]
            self._studies.append((study_id, study, ids))

    def _add_series(self, taken: set[str], study_id: str, study: Study, series: Series) -> str:
        series_id = _unique(taken, "series", study_id, series.uid or "", *_first_files([series]))
        self.series[series_id] = series
        for image in series.images:
            image_id = _unique(taken, "image", series_id, image.label)
            url = f"{self._base}/images/{image_id}"
            self.images[image_id] = ImageEntry(image_id, series_id, study_id, image, series, study, url)
        return series_id

    def image(self, image_id: str) -> ImageEntry:
        """Find an image.

        Raises
        ------
        MissingError
            If there is none of this id.
        """
        if image_id not in self.images:
            raise MissingError("there is no such image", advice="Choose an image out of the list")
        return self.images[image_id]

    def find_series(self, series_id: str) -> Series:
        """Find a series.

        Raises
        ------
        MissingError
            If there is none of this id.
        """
        if series_id not in self.series:
            raise MissingError("there is no such series", advice="Choose a series out of the list")
        return self.series[series_id]

    def first(self) -> ImageEntry | None:
        """Return the image to show first: the volume of most voxels, else the first image of all.

        Time points do not count: an anatomical volume tells more than a long series of small ones.
        """
        entries = list(self.images.values())
        volumes = [e for e in entries if e.image.kind is Kind.VOLUME]
        if not volumes:
            return next(iter(entries), None)
        return max(volumes, key=lambda e: prod(e.image.grid.shape))

    def studies(self, revision: int) -> api.Studies:
        """Everything, as the client gets it."""
        studies = [self._study(*row) for row in self._studies]
        first = self.first()
        return api.Studies(
            revision=revision,
            first_image_id=None if first is None else first.id,
            studies=studies,
            findings=findings(self.scan.findings, self.scan.roots),
        )

    def _study(self, study_id: str, study: Study, series_ids: list[str]) -> api.Study:
        who = study.patient
        patient = api.Patient(
            name=who.name, id=who.id, birth_date=who.birth_date, sex=who.sex, age=who.age or None
        )
        return api.Study(
            id=study_id,
            study_uid=study.uid,
            description=study.description,
            date=study.date or None,
            time=study.time or None,
            accession=study.accession or None,
            patient=patient,
            series=[self._series(i) for i in series_ids],
        )

    def _series(self, series_id: str) -> api.Series:
        series = self.series[series_id]
        entries = [e for e in self.images.values() if e.series_id == series_id]
        found = (*series.findings, *(f for e in entries for f in e.image.findings))
        thing = None
        if not entries:
            thing = api.ObjectInfo(type=series.object_type or series.format, description=series.description)
        return api.Series(
            id=series_id,
            series_uid=series.uid,
            number=series.number,
            description=series.description,
            modality=series.modality,
            body_part=series.body_part,
            format=series.format,
            kind=_main_kind(entries),
            instance_count=len(series.instances),
            images=[summary(entry) for entry in entries],
            findings=findings(tuple(dict.fromkeys(found)), self.scan.roots),
            object=thing,
        )


def _main_kind(entries: list[ImageEntry]) -> api.Kind | Literal["object"]:
    kinds: set[api.Kind] = {e.image.kind.value for e in entries}
    order: tuple[api.Kind, ...] = ("volume", "cine", "stack", "picture")
    return next((kind for kind in order if kind in kinds), "object")


def summary(entry: ImageEntry) -> api.ImageSummary:
    """One image in the list."""
    image = entry.image
    return api.ImageSummary(
        id=entry.id,
        label=image.label,
        kind=image.kind.value,
        modality=image.modality or entry.series.modality,
        axes=list(image.axes),
        shape=list(image.shape),
        frame_of_reference=_frame_of_reference(image),
        thumbnail_url=f"{entry.url}/thumbnail",
    )


def _frame_of_reference(image: Image) -> str | None:
    """Frame of Reference UID of a volume in patient space; else null."""
    grid = image.grid
    return grid.frame_of_reference if image.kind is Kind.VOLUME and grid.space == "patient" else None


def findings(found: tuple[core.Finding, ...], roots: tuple[str, ...]) -> list[api.Finding]:
    """List findings as the client gets them, paths relative to the opened folders."""
    from medvox.server.errors import relative_text

    return [
        api.Finding(
            code=f.code,
            level=f.level.value,
            where=relative_text(f.where, roots),
            text=relative_text(f.text, roots),
            reference=f.reference,
            explanation=core.EXPLANATIONS[f.code],
            help_url=f"{HELP}#{f.code}",
        )
        for f in found
    ]


def relative_file(file: str, roots: tuple[str, ...]) -> str:
    """Path of a file from the opened folder on; only its name where it lies in none.

    Paths that are relative already stay as they are.
    """
    outer, mark, inner = file.partition("!/")
    path = Path(outer)
    if not path.is_absolute() and ".." not in path.parts:
        return file
    for root in sorted(roots, key=len, reverse=True):
        if path == Path(root):
            return path.name + mark + inner
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix() + mark + inner
    return path.name + mark + inner


def _first_files(series: tuple[Series, ...] | list[Series]) -> Iterator[str]:
    """Files that name what has no UID."""
    for one in series:
        if one.uid is None:
            yield from (i.file for i in one.instances[:1])


def _unique(taken: set[str], *words: str) -> str:
    digest = hashlib.sha256("\0".join(words).encode(errors="surrogateescape"))
    found = digest.hexdigest()[:12]
    while found in taken:
        digest.update(b"again")
        found = digest.hexdigest()[:12]
    taken.add(found)
    return found
