"""UPS-RS: unified procedure steps over HTTP, their events over web sockets (PS3.18 11, 8.10)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable
from itertools import islice
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import unquote
from uuid import uuid4

from fastapi import APIRouter, Depends, HTTPException, Request, Response, WebSocket
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from medvox.archive.access import Action
from medvox.archive.entry import is_uid
from medvox.archive.state.attribute_matching import text_of
from medvox.archive.state.ups import UnifiedSteps
from medvox.archive.state.ups_content import STATE, UPS_PUSH
from medvox.archive.state.ups_events import FILTERED, Delivery, UpsEvent
from medvox.archive.state.ups_states import DUPLICATE, NO_STEP, WRONG_TRANSACTION, State, StepRefusedError
from medvox.core.errors import UsageError
from medvox.server.access.rights import requires
from medvox.server.dicomweb.negotiation import JSON
from medvox.server.dicomweb.resources import checked_uid, service_url
from medvox.server.errors import TooLargeError

router = APIRouter(tags=["UPS-RS"])
T = TypeVar("T")
_TRANSACTION: Final = "00081195"
_LARGEST: Final = 4 << 20
_MOST: Final = 1000
_CONTROL: Final = frozenset(("includefield", "limit", "offset", "fuzzymatching", "accept", "charset"))
_TITLE: Final = re.compile(r"[\x20-\x5b\x5d-\x7e]{1,16}")
_READ, _WORK = [requires(Action.QUERY)], [requires(Action.WORK)]


def _steps(connection: HTTPConnection) -> UnifiedSteps:
    found: UnifiedSteps = connection.app.state.node.unified.steps
    return found


StepsOf = Annotated[UnifiedSteps, Depends(_steps)]


@router.post("/workitems", dependencies=_WORK, status_code=201, response_class=Response)
async def create(request: Request, steps: StepsOf) -> Response:
    """Make a work item; its UID is ``?workitem=``, in the data set, or made."""
    data = await _data_set(request)
    named = _named(request, "workitem", "AffectedSOPInstanceUID") or text_of(data, "00080018")
    uid = checked_uid(named) if named else f"2.25.{uuid4().int}"
    await _performed(lambda: steps.create(uid, data))
    return Response(status_code=201, headers={"Location": f"{service_url(request)}/workitems/{uid}"})


@router.get("/workitems", dependencies=_READ, response_class=Response)
async def search(request: Request, steps: StepsOf) -> Response:
    """Work items that match, each whole."""
    parameters = request.query_params
    keys = _keys([(n, v) for n, v in parameters.multi_items() if n not in _CONTROL])
    limit, offset = (_whole(parameters.get(n), usual) for n, usual in (("limit", _MOST), ("offset", 0)))
    chosen = await _performed(lambda: list(islice(steps.find(keys), offset, offset + min(limit, _MOST))))
    return _answer([step.data for step in chosen]) if chosen else Response(status_code=204)


@router.get("/workitems/{workitem}", dependencies=_READ, response_class=Response)
async def retrieve(workitem: str, steps: StepsOf) -> Response:
    """Return a work item, without its Transaction UID."""
    step = await _performed(lambda: steps.get(checked_uid(workitem)))
    return _answer([step.data])


@router.post("/workitems/{workitem}", dependencies=_WORK, response_class=Response)
async def update(request: Request, workitem: str, steps: StepsOf) -> Response:
    """Change attributes; who has claimed the item names its Transaction UID."""
    data = await _data_set(request)
    named = _named(request, "transaction-uid", "transaction") or text_of(data, _TRANSACTION)
    changes = {tag: value for tag, value in data.items() if tag not in (_TRANSACTION, "00080016", "00080018")}
    await _performed(lambda: steps.update(checked_uid(workitem), changes, named))
    return Response()


@router.put("/workitems/{workitem}/state", dependencies=_WORK, response_class=Response)
async def change_state(request: Request, workitem: str, steps: StepsOf) -> Response:
    """Claim, finish or cancel a work item."""
    data = await _data_set(request)
    state, transaction = text_of(data, STATE), text_of(data, _TRANSACTION)
    if state not in list(State) or not transaction:
        raise UsageError("state and Transaction UID are needed", got=state[:20], expected=list(State))
    uid = checked_uid(workitem)
    warning = await _performed(lambda: steps.change_state(uid, State(state), transaction))
    told = f"The UPS is already in the requested state of {state}"
    return Response(headers=_warning(request, told) if warning else {})


@router.post("/workitems/{workitem}/cancelrequest", dependencies=_WORK, response_class=Response)
async def request_cancel(request: Request, workitem: str, steps: StepsOf) -> Response:
    """Ask that a work item be canceled."""
    data = await _data_set(request, may_be_empty=True)
    uid, who = checked_uid(workitem), request.headers.get("x-requesting-ae", "HTTP")[:16]
    warning = await _performed(lambda: steps.request_cancel(uid, data, who))
    told = "The UPS is already in the requested state of CANCELED"
    return Response(status_code=202, headers=_warning(request, told) if warning else {})


@router.post("/workitems/{workitem}/subscribers/{title}", dependencies=_WORK, response_class=Response)
async def subscribe(request: Request, workitem: str, title: str, steps: StepsOf) -> Response:
    """Follow a work item, or all by the UID of a global subscription; events come over the web socket."""
    uid, receiver = checked_uid(workitem), _checked_title(title)
    parameters = request.query_params
    text = parameters.get("filter", "")
    keys = _keys([part.partition("=")[::2] for part in text.split(",") if part]) if text else {}
    lock = parameters.get("deletionlock", "false").lower() == "true"
    filtered = keys if uid == FILTERED else None
    await _performed(lambda: steps.subscribe(uid, receiver, lock=lock, keys=filtered))
    base = service_url(request).replace("http", "ws", 1)
    return Response(status_code=201, headers={"Content-Location": f"{base}/ws/subscribers/{receiver}"})


@router.delete("/workitems/{workitem}/subscribers/{title}", dependencies=_WORK, response_class=Response)
async def unsubscribe(workitem: str, title: str, steps: StepsOf) -> Response:
    """Follow a work item no longer, or none at all."""
    uid, receiver = checked_uid(workitem), _checked_title(title)
    await _performed(lambda: steps.unsubscribe(uid, receiver))
    return Response()


@router.post("/workitems/{workitem}/subscribers/{title}/suspend", dependencies=_WORK, response_class=Response)
async def suspend(workitem: str, title: str, steps: StepsOf) -> Response:
    """Follow no work items that are made later."""
    if not steps.subscriptions.is_global(workitem):
        raise UsageError("only a global subscription is suspended", got=workitem[:64])
    receiver = _checked_title(title)
    await _performed(lambda: steps.suspend(receiver))
    return Response()


@router.websocket("/ws/subscribers/{title}", dependencies=_READ)
async def events(socket: WebSocket, title: str, steps: StepsOf) -> None:
    """Send the events of a subscriber, those that waited for it first; each goes once."""
    receiver = _checked_title(title)
    await socket.accept()
    loop, wake = asyncio.get_running_loop(), asyncio.Event()

    def happened(_: UpsEvent) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(wake.set)

    steps.listeners.append(happened)
    closed = asyncio.create_task(_until_closed(socket))
    try:
        while not closed.done():
            wake.clear()
            for event in await run_in_threadpool(steps.subscriptions.waiting, 100, receiver):
                await socket.send_text(json.dumps(_report(event), ensure_ascii=False))
                await run_in_threadpool(steps.subscriptions.delivered, event.id)
                wake.set()
            waiting = asyncio.create_task(wake.wait())
            await asyncio.wait((closed, waiting), return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
    except (RuntimeError, OSError):  # the socket closed while it was written to
        return
    finally:
        steps.listeners.remove(happened)
        closed.cancel()


async def _until_closed(socket: WebSocket) -> None:
    """Drop what a subscriber says, until it goes."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def _report(event: Delivery) -> dict[str, Any]:
    """Event in the JSON model, with the command elements that tell what it is of (PS3.18 8.10.4)."""
    return {
        "00000002": {"vr": "UI", "Value": [UPS_PUSH]},
        "00000110": {"vr": "US", "Value": [event.id % 0xFFFF + 1]},
        "00001000": {"vr": "UI", "Value": [event.uid]},
        "00001002": {"vr": "US", "Value": [int(event.kind)]},
        **event.data,
    }


async def _performed(work: Callable[[], T]) -> T:
    """Perform in a thread; what is refused becomes an HTTP status (PS3.18 11.4 to 11.12)."""
    try:
        return await run_in_threadpool(work)
    except StepRefusedError as error:
        raise HTTPException(
            _status(error.status), error.what, {"Warning": f'299 medvox "{error.what}"'}
        ) from None


def _status(status: int) -> int:
    if status == NO_STEP:
        return 404
    conflicts = status == DUPLICATE or WRONG_TRANSACTION - 1 <= status <= 0xC304 or status in (0xC310, 0xC311)
    return 409 if conflicts else 400


def _warning(request: Request, text: str) -> dict[str, str]:
    return {"Warning": f'299 {service_url(request)} "{text}"'}


def _answer(rows: list[dict[str, Any]]) -> Response:
    body = json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(body, headers={"Content-Type": JSON, "Cache-Control": "no-store"})


async def _data_set(request: Request, *, may_be_empty: bool = False) -> dict[str, Any]:
    """Return the data set of a body: one object, or an array of one."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST:
            raise TooLargeError("the data set is too long", expected=f"at most {_LARGEST} bytes")
    if not body and may_be_empty:
        return {}
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise UsageError("the body is no JSON") from None
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict) or not all(map(_is_element, found.items())):
        raise UsageError("the body is not one data set of the DICOM JSON model", expected="PS3.18 F.2")
    return found


def _is_element(item: tuple[str, Any], depth: int = 0) -> bool:
    """Whether an element is as PS3.18 F.2 has them, items too."""
    tag, element = item
    if not re.fullmatch(r"[0-9A-F]{8}", tag) or not isinstance(element, dict) or depth > 16:
        return False
    values = element.get("Value", [])
    if not isinstance(element.get("vr"), str) or not isinstance(values, list):
        return False
    if element["vr"] != "SQ":
        return all(v is None or isinstance(v, str | int | float | dict) for v in values)
    return all(
        isinstance(v, dict) and all(_is_element(each, depth + 1) for each in v.items()) for v in values
    )


def _named(request: Request, *names: str) -> str:
    """Return a UID of the query: by a name, or alone as editions before 2021 wrote it."""
    for name in names:
        if name in request.query_params:
            return request.query_params[name]
    alone = unquote(request.url.query)
    return alone if is_uid(alone) else ""


def _keys(given: list[Any]) -> dict[str, Any]:
    """Return the identifier that parameters are; dots lead into sequences."""
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    keys: dict[str, Any] = {}
    for name, value in given:
        place = keys
        for part in name.split("."):
            tag = int(part, 16) if re.fullmatch(r"[0-9A-Fa-f]{8}", part) else tag_for_keyword(part)
            try:
                vr = dictionary_VR(tag)  # type: ignore[arg-type]
            except (KeyError, TypeError):
                raise UsageError("there is no such attribute", got=part[:80]) from None
            element = place.setdefault(f"{tag:08X}", {"vr": vr})
            if vr == "SQ":
                place = element.setdefault("Value", [{}])[0]
            elif value:
                parts = re.split(r"[,\\]", value) if vr == "UI" else [value]
                element["Value"] = [{"Alphabetic": one} if vr == "PN" else one for one in parts]
    return keys


def _whole(text: str | None, usual: int) -> int:
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise UsageError("limit and offset are whole numbers", got=text[:20])
    return int(text)


def _checked_title(title: str) -> str:
    if not _TITLE.fullmatch(title) or not title.strip():
        raise UsageError("an AE title has 1 to 16 plain characters", got=title[:20])
    return title.strip()
