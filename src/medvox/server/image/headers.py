"""Headers of stored objects, for the header browser."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from medvox.core.errors import MissingError
from medvox.core.study import HeaderElement, Instance, Series
from medvox.server import types as api
from medvox.server.catalog import ImageEntry, relative_file
from medvox.server.image import probe
from medvox.server.image.store import OpenedImage

PER_FRAME = "PerFrameFunctionalGroupsSequence"


def of_slice(entry: ImageEntry, opened: OpenedImage, t: int, k: int, roots: tuple[str, ...]) -> api.Header:
    """Header of the object that a slice of the stored grid came from, cut down to the slice's frame.

    Raises
    ------
    MissingError
        If there is no such slice, or the series has no headers.
    """
    source = probe.source_of_slice(opened, t, k)
    instances = entry.image.instances or entry.series.instances
    if not instances:
        raise MissingError("the image was not read from a file, so it has no header")
    found = instances[0]
    if source is not None:
        same = (i for i in instances if i.file == source.file)
        exact = (i for i in instances if i.sop_instance_uid == source.sop_instance_uid is not None)
        found = next(exact, None) or next(same, found)
    frame = None if source is None or found.frames < 2 else source.frame
    return _header(entry.series, found, roots, frame)


def of_instance(series: Series, n: int, roots: tuple[str, ...]) -> api.Header:
    """Header of object number `n` of a series.

    Raises
    ------
    MissingError
        If it has no such object.
    """
    if not 0 <= n < len(series.instances):
        raise MissingError("no such object", got=n, expected=f"0..{len(series.instances) - 1}")
    return _header(series, series.instances[n], roots)


def _header(
    series: Series, instance: Instance, roots: tuple[str, ...], frame: int | None = None
) -> api.Header:
    elements = () if series.header is None else _read(series, instance)
    return api.Header(
        title=relative_file(instance.file, roots),
        frame=frame,
        elements=[_element(e) for e in (elements if frame is None else of_frame(elements, frame))],
    )


def _element(line: HeaderElement) -> api.HeaderElement:
    return api.HeaderElement(
        tag=line.tag,
        vr=line.vr,
        vr_name=line.vr_name,
        keyword=line.keyword,
        name=line.name,
        value=line.value,
        meaning=line.meaning,
        depth=line.depth,
        identifying=line.identifying,
        may_identify=line.may_identify,
        action=line.action,
        creator=line.creator,
    )


def of_frame(lines: tuple[HeaderElement, ...], frame: int) -> Iterator[HeaderElement]:
    """Leave out the items of other frames of the Per-frame Functional Groups Sequence (PS3.3 C.7.6.16).

    Parameters
    ----------
    frame
        Number of the frame, from 1.
    """
    inside, item = False, 0
    for line in lines:
        if line.depth == 0:
            inside, item = line.keyword == PER_FRAME, 0
        elif inside and line.depth == 1:
            item += 1
        if item in (0, frame):
            yield line


def _read(series: Series, instance: Instance) -> tuple[HeaderElement, ...]:
    outer = Path(instance.file.partition("!/")[0])
    changed = outer.stat().st_mtime_ns if outer.exists() else 0
    return _kept(series, instance, changed)


@lru_cache(maxsize=4)
def _kept(series: Series, instance: Instance, changed: int) -> tuple[HeaderElement, ...]:
    """Header of an object, kept while slice after slice of one file asks for it."""
    return () if series.header is None else series.header(instance)
