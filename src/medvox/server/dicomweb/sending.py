"""Sending: answers that stream blocks of bytes, read in a thread one batch ahead of the network."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fastapi import Response
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

BLOCK: Final = 1 << 18
"""Bytes that are sent at once, about: what does not fit the socket is moved about in memory."""
BATCH: Final = 1 << 21
"""Bytes that a thread makes ready at once, about: handing over to it takes as long as reading 100 KB."""


def batches(parts: Iterable[bytes], size: int = BATCH, block: int = BLOCK) -> Iterator[list[bytes]]:
    """Gather parts to lists of about `size` bytes; small parts are joined up to `block` bytes."""
    batch: list[bytes] = []
    waiting: list[bytes] = []
    length = ready = 0
    for part in parts:
        waiting.append(part)
        length += len(part)
        if length >= block:
            batch.append(b"".join(waiting))
            ready += length
            waiting, length = [], 0
        if ready >= size:
            yield batch
            batch, ready = [], 0
    if waiting:
        batch.append(b"".join(waiting))
    if batch:
        yield batch


class Streamed(Response):
    """Answer whose body is made while it is sent; memory holds two batches of it.

    The first batch is made before the status is sent: an error up to there has an answer of its own. A
    later one breaks the connection off, so that the client sees that something is missing.

    Parameters
    ----------
    parts
        Of the body, in order; made in threads, never in two at a time.
    media_type
        Content-Type.
    length
        Bytes of the body; None where they are not known.
    """

    def __init__(
        self,
        parts: Iterable[bytes],
        media_type: str,
        length: int | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._batches = batches(parts)
        self.status_code, self.background, self.body = status, None, b""
        self.media_type = None
        self.init_headers(dict(headers or {}) | {"Content-Type": media_type})
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        if length is not None:
            self.raw_headers.append((b"content-length", str(length).encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        batch = await self._next()
        gone = asyncio.create_task(_gone(receive))
        try:
            start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            await send(start)
            while batch and not gone.done():
                following = asyncio.create_task(self._next())
                try:
                    for block in batch:
                        await send({"type": "http.response.body", "body": block, "more_body": True})
                finally:
                    batch = await following
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            await run_in_threadpool(self._batches.close)  # type: ignore[attr-defined]

    async def _next(self) -> list[bytes] | None:
        found: Any = await run_in_threadpool(next, self._batches, None)
        return found  # type: ignore[no-any-return]


async def _gone(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
