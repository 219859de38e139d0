"""Metadata: what instances say besides their bulk data, as DICOM JSON ready to send (PS3.18 F).

The metadata of a series are made once and kept, compressed, beside its row in the index. They are made anew
as soon as the series has other instances than those they were made from.

Addresses in them begin with `BASE`, a byte that no JSON text holds: who sends them puts the address of the
service there.
"""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

import zstandard
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from sqlalchemy import select, update

from medvox.archive.archive import Archive
from medvox.archive.frames import front
from medvox.archive.index.tables import INSTANCES, SERIES, STUDIES
from medvox.archive.model import InstanceRow
from medvox.core.errors import FormatError
from medvox.dicom.header import Header

BASE: Final = b"\x01"
"""Stands for the address of the service; see `with_base`."""
LARGEST_INLINE: Final = 1024
"""Binary values with more bytes are told by their address alone."""
BULK: Final = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
_LARGEST_KEPT: Final = 32 << 20
_LARGEST_KNOWN: Final = 1 << 16
_MOST_KNOWN: Final = 50_000
_FINGERPRINT: Final = 16
_VAGUE: Final = {"US or SS": "US", "US or OW": "OW", "US or SS or OW": "OW", "OB or OW": "OW"}
_PIXELS: Final = (0x7FE00008, 0x7FE00009, 0x7FE00010)


def with_base(text: bytes, base: str) -> bytes:
    """Return metadata with the address of the service in the place of `BASE`."""
    return text.replace(BASE, json.dumps(base)[1:-1].encode())


def series_metadata(archive: Archive, study_uid: str, series_uid: str) -> Iterator[bytes]:
    """Yield the metadata of a series: JSON objects, joined by commas, in pieces of any length.

    Nothing is yielded for a series that has no instances. Pieces hold `BASE`, see `with_base`.

    Raises
    ------
    FormatError
        If an instance cannot be read.
    """
    rows = archive.instances(study_uid, series_uid)
    fingerprint = _fingerprint(archive, study_uid, series_uid)
    kept = _kept(archive, study_uid, series_uid, fingerprint)
    if kept is not None:
        rows.close()  # type: ignore[attr-defined]
        yield from zstandard.ZstdDecompressor().read_to_iter(kept, write_size=1 << 18)
        return
    machine = zstandard.ZstdCompressor(level=3).compressobj()
    encoder, packed, length, is_first = Encoder(), [fingerprint], 0, True
    for row in rows:
        text = (b"" if is_first else b",") + encoder.instance(archive, row).encode()
        is_first = False
        length += len(text)
        if length <= _LARGEST_KEPT:
            packed.append(machine.compress(text))
        yield text
    if 0 < length <= _LARGEST_KEPT:
        _keep(archive, study_uid, series_uid, b"".join([*packed, machine.flush()]))


def instance_metadata(archive: Archive, row: InstanceRow) -> bytes:
    """Return the metadata of an instance: a JSON object, with `BASE`.

    Raises
    ------
    FormatError
        If it cannot be read.
    """
    return Encoder().instance(archive, row).encode()


def _fingerprint(archive: Archive, study_uid: str, series_uid: str) -> bytes:
    """Digest of which versions of which instances a series has."""
    statement = (
        select(INSTANCES.c.id, INSTANCES.c.digest)
        .select_from(INSTANCES.join(SERIES, SERIES.c.id == INSTANCES.c.series).join(STUDIES))
        .where(STUDIES.c.study_uid == study_uid, SERIES.c.series_uid == series_uid, INSTANCES.c.is_current)
        .order_by(INSTANCES.c.number, INSTANCES.c.id)
    )
    machine = hashlib.blake2b(digest_size=_FINGERPRINT)
    with archive.up_to_date().connect() as connection:
        for number, digest in connection.execute(statement):
            machine.update(f"{number} {digest}\n".encode())
    return machine.digest()


def _of_series(study_uid: str, series_uid: str) -> Any:
    study = select(STUDIES.c.id).where(STUDIES.c.study_uid == study_uid).scalar_subquery()
    return (SERIES.c.series_uid == series_uid) & (SERIES.c.study == study)


def _kept(archive: Archive, study_uid: str, series_uid: str, fingerprint: bytes) -> bytes | None:
    with archive.up_to_date().connect() as connection:
        found = connection.scalar(select(SERIES.c.metadata).where(_of_series(study_uid, series_uid)))
    return found[_FINGERPRINT:] if found and found[:_FINGERPRINT] == fingerprint else None


def _keep(archive: Archive, study_uid: str, series_uid: str, packed: bytes) -> None:
    with archive.up_to_date().begin() as connection:
        connection.execute(update(SERIES).where(_of_series(study_uid, series_uid)).values(metadata=packed))


class Encoder:
    """Makes the metadata of instances; texts of elements that recur from one to the next are made once."""

    def __init__(self) -> None:
        self._known: dict[Any, str] = {}
        self._uri = ""
        self._context: tuple[Any, ...] = ()
        self._is_signed = False

    def instance(self, archive: Archive, row: InstanceRow) -> str:
        """Return the metadata of an instance as a JSON object."""
        uids = row.study_uid, row.series_uid, row.sop_uid
        data, header = front(archive, row)
        uri = BASE.decode() + "/studies/{}/series/{}/instances/{}/bulkdata/".format(*uids)
        return self.data_set(data, header, uri)

    def data_set(self, data: bytes, header: Header, uri: str) -> str:
        """Return a data set as a JSON object.

        Parameters
        ----------
        data
            Its bytes, up to the pixel data at least.
        header
            Its header.
        uri
            Beginning of the addresses of its bulk data; the path of the element follows.

        Raises
        ------
        FormatError
            If pydicom cannot read it.
        """
        self._uri, self._is_signed = uri, header.integer(0x00280103) == 1
        encoding = header.encoding
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = read_dataset(
                    BytesIO(data), encoding.implicit, not encoding.big_endian, stop_when=_at_pixels
                )
                texts = self._elements(found, "")
            except FormatError:
                raise
            except Exception as error:  # pydicom raises errors of many classes
                raise FormatError(
                    f"the data set cannot be read: {type(error).__name__}", where=header.name
                ) from error
        if header.pixel is not None:
            tag, vr = f"{header.pixel.tag:08X}", header.pixel.vr or _pixel_vr(header)
            texts.append(f'"{tag}":{self._bulk(vr, tag)}')
        return "{" + ",".join(texts) + "}"

    def _elements(self, data: Dataset, path: str) -> list[str]:
        texts = []
        before, self._context = self._context, (repr(data.original_character_set), self._is_signed)
        for element in sorted(data.elements(), key=lambda e: int(e.tag)):
            tag = int(element.tag)
            if tag & 0xFFFF and tag >> 16 != 2:
                texts.append(f'"{tag:08X}":{self._element(data, element, f"{path}{tag:08X}")}')
        self._context = before
        return texts

    def _element(self, data: Dataset, element: Any, path: str) -> str:
        """Text of an element; of a raw one it is remembered by its bytes."""
        value = element.value if isinstance(element, RawDataElement) else None
        if not isinstance(value, bytes) or len(value) > _LARGEST_KNOWN:
            return self._converted(data, element, path)
        key = int(element.tag), element.VR, value, *self._context, _creator(data, element.tag)
        text = self._known.get(key)
        if text is None:
            text = self._converted(data, element, path)
            if BASE.decode() not in text and len(self._known) < _MOST_KNOWN:
                self._known[key] = text
        return text

    def _converted(self, data: Dataset, element: Any, path: str) -> str:
        vr = element.VR
        if vr in BULK and len(element.value or b"") > LARGEST_INLINE:
            return self._bulk(vr, path)
        try:
            made = data[element.tag] if isinstance(element, RawDataElement) else element
        except Exception:  # its value is not what its VR says
            return _as_text(element)
        if made.VR == "SQ":
            items = (
                "{" + ",".join(self._elements(item, f"{path}.{n}.")) + "}"
                for n, item in enumerate(made.value or (), start=1)
            )
            joined = ",".join(items)
            return f'{{"vr":"SQ","Value":[{joined}]}}' if joined else '{"vr":"SQ"}'
        return self._plain(made, element, path)

    def _plain(self, made: DataElement, element: Any, path: str) -> str:
        vr = str(made.VR)
        if vr in _VAGUE:
            vr = "SS" if self._is_signed and vr.startswith("US or SS") else _VAGUE[vr]
            made = convert_raw_data_element(element._replace(VR=vr)) if element is not made else made
            made.VR = vr
        if vr in BULK and isinstance(made.value, bytes) and len(made.value) > LARGEST_INLINE:
            return self._bulk(vr, path)
        try:
            return _dumped(made.to_json_dict(None, LARGEST_INLINE))
        except Exception:
            return _as_text(element)

    def _bulk(self, vr: str, path: str) -> str:
        return f'{{"vr":"{vr}","BulkDataURI":"{self._uri}{path}"}}'


def _creator(data: Dataset, tag: Any) -> Any:
    """Creator of a private element, on which its meaning depends."""
    if not tag.is_private or tag.element <= 0xFF:
        return None
    block = (tag.group << 16) + (tag.element >> 8)
    return getattr(data.get_item(block), "value", None) if block in data else None


def _dumped(value: Any) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except ValueError:  # NaN and infinity are told as text (PS3.18 F.2.3.1)
        return json.dumps(_finite(value), separators=(",", ":"), ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def _as_text(element: Any) -> str:
    """Element whose value is not what its VR says: text as text, all else as bytes of unknown kind."""
    from base64 import b64encode

    value, vr = element.value, str(element.VR or "UN")
    if not isinstance(value, bytes):
        return (
            json.dumps({"vr": vr, "Value": [str(value)]}, ensure_ascii=False) if value else f'{{"vr":"{vr}"}}'
        )
    if vr in ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "SH", "TM", "UI", "UR", "UC"):
        texts = [part.strip(" \0") or None for part in value.decode("latin-1").split("\\")]
        return json.dumps({"vr": vr, "Value": texts}, separators=(",", ":"), ensure_ascii=False)
    return json.dumps({"vr": "UN", "InlineBinary": b64encode(value).decode()}, separators=(",", ":"))


def _pixel_vr(header: Header) -> str:
    """VR of pixel data in implicit VR (PS3.5 A.1)."""
    assert header.pixel is not None
    return {0x7FE00008: "OF", 0x7FE00009: "OD"}.get(header.pixel.tag, "OW")


def _at_pixels(tag: int, _vr: str | None, _length: int) -> bool:
    return tag in _PIXELS
