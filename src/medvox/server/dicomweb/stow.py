"""STOW-RS: instances come in as a multipart body and are stored one by one as they arrive (PS3.18 10.5)."""

from __future__ import annotations

import asyncio
import json
import mmap
import tempfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, Any, Final

from fastapi import APIRouter, HTTPException, Request, Response

from medvox.archive.access import Action
from medvox.archive.archive import Archive
from medvox.archive.model import InvalidObjectError, Origin, Received, StorageFullError
from medvox.archive.store.disk import Buffer
from medvox.core.errors import MedvoxError, UsageError
from medvox.server.access.rights import requires, touches
from medvox.server.dicomweb import multipart, xml
from medvox.server.dicomweb.negotiation import DICOM, JSON, text_type
from medvox.server.dicomweb.part10 import file_parts
from medvox.server.dicomweb.resources import ArchiveOf, ResourceOf, service_url
from medvox.server.errors import TooLargeError

router = APIRouter(tags=["STOW-RS"])
IN_MEMORY: Final = 16 << 20
"""Instances up to this size wait in memory, larger ones in a temporary file."""
LARGEST: Final = 16 << 30
"""Bytes of one instance."""
AT_ONCE: Final = 8
"""Instances of one request that are being stored while the next ones arrive."""
_RIGHT: Final = [requires(Action.STORE)]
_OUT_OF_RESOURCES: Final = 0xA700
_NOT_MATCHING: Final = 0xA900
_NOT_UNDERSTOOD: Final = 0xC000
_FAILED: Final = 0x0110
_writers = ThreadPoolExecutor(16, thread_name_prefix="medvox-stow")


@dataclass(slots=True)
class Outcomes:
    """What became of the instances of a request."""

    stored: list[Received] = field(default_factory=list)
    failed: list[tuple[int, str, str]] = field(default_factory=list)
    """Failure reason (PS3.18 table I.2-2), SOP class and SOP instance, as far as they are known."""

    def status(self) -> int:
        """HTTP status (PS3.18 table 10.5.3-1): 200, 202 for some, 409 for none; 507 where nothing fits."""
        if not self.failed:
            return 200
        if self.stored:
            return 202
        return 507 if any(reason == _OUT_OF_RESOURCES for reason, *_ in self.failed) else 409

    def as_json(self, base: str) -> dict[str, Any]:
        """Return the store instances response module (PS3.18 I.2)."""
        studies = {one.study_uid for one in self.stored}
        answer: dict[str, Any] = {}
        if len(studies) == 1:
            answer["00081190"] = _element("UR", f"{base}/studies/{studies.pop()}")
        if self.failed:
            answer["00081198"] = _element("SQ", *(_failure(*one) for one in self.failed))
        if self.stored:
            answer["00081199"] = _element("SQ", *(_reference(one, base) for one in self.stored))
        return answer


def _element(vr: str, *values: Any) -> dict[str, Any]:
    return {"vr": vr, "Value": list(values)}


def _reference(one: Received, base: str) -> dict[str, Any]:
    url = f"{base}/studies/{one.study_uid}/series/{one.series_uid}/instances/{one.sop_uid}"
    return {
        "00081150": _element("UI", one.sop_class),
        "00081155": _element("UI", one.sop_uid),
        "00081190": _element("UR", url),
    }


def _failure(reason: int, sop_class: str, sop_uid: str) -> dict[str, Any]:
    named = {"00081150": sop_class, "00081155": sop_uid}
    return {tag: _element("UI", uid) for tag, uid in named.items() if uid} | {
        "00081197": _element("US", reason)
    }


@router.post("/studies", response_class=Response, dependencies=_RIGHT)
@router.post("/studies/{study}", response_class=Response, dependencies=_RIGHT)
async def store(request: Request, archive: ArchiveOf, resource: ResourceOf) -> Response:
    """Store instances."""
    media = text_type(request)
    kind, stated = multipart.parameters(request.headers.get("content-type", ""))
    if kind != "multipart/related" or stated.get("type", DICOM).lower() != DICOM:
        raise HTTPException(415, f'Instances come as multipart/related; type="{DICOM}"')
    parser = multipart.Parser(multipart.boundary_of(request.headers["content-type"]))
    storing = Storing(archive, _origin(request), resource.study)
    outcomes = await storing.run(request.stream(), parser)
    if not outcomes.stored and not outcomes.failed:
        raise UsageError("the multipart body holds no instance")
    touches(request, *(one.study_uid for one in outcomes.stored))
    text = json.dumps(outcomes.as_json(service_url(request)), separators=(",", ":")).encode()
    if media == JSON:
        return Response(text, outcomes.status(), headers={"Content-Type": JSON})
    return xml.answer(b"[" + text + b"]", outcomes.status())


def _origin(request: Request) -> Origin:
    principal = request.scope.get("state", {}).get("principal")
    client = request.client
    return Origin(getattr(principal, "name", ""), client.host if client else "")


class Spool:
    """Gathers one instance, in memory or in a file, so that memory stays bounded."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._file: IO[bytes] | None = None
        self.length = 0

    def add(self, content: memoryview) -> None:
        """Take the next bytes.

        Raises
        ------
        TooLargeError
            If the instance is too large.
        StorageFullError
            If there is no room for the temporary file.
        """
        self.length += len(content)
        if self.length > LARGEST:
            raise TooLargeError("the instance is too large", expected=f"at most {LARGEST} bytes")
        if self._file is None and self.length <= IN_MEMORY:
            self._parts.append(bytes(content))
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
                self._file.writelines(self._parts)
                self._parts.clear()
            self._file.write(content)
        except OSError as error:
            raise StorageFullError(
                "the instance cannot be kept while it arrives", got=error.strerror
            ) from error

    def content(self) -> Buffer:
        """Return all bytes."""
        if self._file is None:
            return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._file.flush()
        return memoryview(mmap.mmap(self._file.fileno(), self.length, access=mmap.ACCESS_READ))

    def close(self) -> None:
        """Let go of the file; what `content` has returned stays readable."""
        if self._file is not None:
            self._file.close()


class Storing:
    """Stores the instances of one request, a few at a time while others arrive.

    Parameters
    ----------
    archive
        Where they go.
    origin
        Who sends them.
    study
        UID of the only study that is accepted; None for any.
    """

    def __init__(self, archive: Archive, origin: Origin, study: str | None = None) -> None:
        self._archive, self._origin, self._study = archive, origin, study
        self._tasks: list[asyncio.Future[Received | tuple[int, str, str]]] = []
        self._outcomes = Outcomes()

    async def run(self, body: AsyncIterator[bytes], parser: multipart.Parser) -> Outcomes:
        """Take a body; return when all that it holds is stored, or refused.

        Raises
        ------
        UsageError
            If the body is malformed and nothing of it was stored.
        """
        spool: Spool | None = None
        try:
            async for block in body:
                for event in parser.feed(block):
                    if isinstance(event, multipart.Head):
                        spool = Spool()
                    elif isinstance(event, multipart.Data) and spool is not None:
                        spool.add(event.content)
                    elif isinstance(event, multipart.End) and spool is not None:
                        await self._begin(spool)
                        spool = None
            parser.finish()
        except MedvoxError as error:
            await self._settle(0)
            if not self._outcomes.stored and not isinstance(error, StorageFullError):
                raise
            is_full = isinstance(error, StorageFullError)
            self._outcomes.failed.append((_OUT_OF_RESOURCES if is_full else _FAILED, "", ""))
        finally:
            if spool is not None:
                spool.close()
            await self._settle(0)
        return self._outcomes

    async def _begin(self, spool: Spool) -> None:
        """Begin to store an instance, when few enough others are being stored."""
        await self._settle(AT_ONCE - 1)
        self._tasks.append(asyncio.get_running_loop().run_in_executor(_writers, self._store, spool))

    async def _settle(self, at_most: int) -> None:
        """Wait until no more than some instances are being stored."""
        while len(self._tasks) > at_most:
            done = await self._tasks.pop(0)
            if isinstance(done, Received):
                self._outcomes.stored.append(done)
            else:
                self._outcomes.failed.append(done)

    def _store(self, spool: Spool) -> Received | tuple[int, str, str]:
        """Store one instance; return what was stored, or why not."""
        sop_class = sop_uid = ""
        try:
            content = memoryview(spool.content())
            meta = file_parts(content)
            sop_class, sop_uid = meta.sop_class, meta.sop_uid
            if self._study is not None:
                meta.check_study(content, self._study)
            return self._archive.receive(
                content[meta.data_set_offset :],
                transfer_syntax=meta.transfer_syntax,
                sop_class_uid=sop_class,
                sop_instance_uid=sop_uid,
                origin=self._origin,
            )
        except StorageFullError:
            return _OUT_OF_RESOURCES, sop_class, sop_uid
        except UsageError:
            return _NOT_MATCHING, sop_class, sop_uid
        except InvalidObjectError:
            return _NOT_UNDERSTOOD, sop_class, sop_uid
        except MedvoxError:
            return _FAILED, sop_class, sop_uid
        finally:
            spool.close()
