"""Headers of stored objects, for the header browser."""

from __future__ import annotations

from medvox.core.errors import MissingError
from medvox.core.study import Instance, Series
from medvox.server import types as api
from medvox.server.catalog import ImageEntry, relative_file
from medvox.server.image import probe
from medvox.server.image.store import OpenedImage


def of_slice(entry: ImageEntry, opened: OpenedImage, t: int, k: int, roots: tuple[str, ...]) -> api.Header:
    """Header of the object that a slice of the stored grid came from.

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
    return _header(entry.series, found, roots)


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


def _header(series: Series, instance: Instance, roots: tuple[str, ...]) -> api.Header:
    elements = () if series.header is None else series.header(instance)
    lines = [
        api.HeaderElement(
            tag=e.tag,
            vr=e.vr,
            keyword=e.keyword,
            value=e.value,
            depth=e.depth,
            identifying=e.identifying,
        )
        for e in elements
    ]
    return api.Header(title=relative_file(instance.file, roots), elements=lines)
