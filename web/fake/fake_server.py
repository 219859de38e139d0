"""A fake medvox server: docs/reference/viewer-api.md served from synthetic arrays.

    python web/fake/fake_server.py --port 8765 --static src/medvox/server/static

It prints its URL. For the client's own tests and for `npm run dev`; no patient data, no state kept.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gzip
import io
import json
import secrets
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import uvicorn
import zstandard
from PIL import Image
from scene import Grid, Scan, scans
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

CHUNK_SLICES = 16
STUDIES = [
    ("s1", "CT head", "20240311", "DOE^JANE", "MV-0001", ["ct-head", "ct-loc"]),
    ("s2", "Brain MR", "20240312", "DOE^JANE", "MV-0001", ["mr-t1", "mr-4d"]),
    ("s3", "Whole body PET", "20240402", "ROE^RICHARD", "MV-0002", ["pet-fdg"]),
    (
        "s4",
        "Echo and hand",
        "20240520",
        "ROE^RICHARD",
        "MV-0002",
        ["us-cine", "dx-hand", "dx-uncalibrated", "ct-broken"],
    ),
]
PRESETS = {
    "windows": {
        "CT": [
            {"name": "Brain", "center": 40, "width": 80}, {"name": "Soft tissue", "center": 40, "width": 400},
            {"name": "Lung", "center": -600, "width": 1500}, {"name": "Bone", "center": 500, "width": 2000},
        ],
        "PT": [{"name": "SUV 0-5", "center": 2.5, "width": 5}, {"name": "SUV 0-10", "center": 5, "width": 10}],
    },
    "volume": [
        {"name": "ct-bone", "label": "CT bone", "mode": "composite", "shade": True, "scale": "value",
         "color": [[-1000, .3, .2, .15], [150, .62, .35, .25], [350, .9, .82, .65], [1500, 1, 1, .95]],
         "opacity": [[-1000, 0], [180, 0], [350, .4], [1200, .9]]},
        {"name": "ct-soft", "label": "CT soft tissue", "mode": "composite", "shade": True, "scale": "value",
         "color": [[-1000, .2, .1, .1], [-100, .8, .55, .45], [60, .9, .65, .55], [400, 1, .95, .9]],
         "opacity": [[-1000, 0], [-200, 0], [0, .15], [100, .6], [1000, .9]]},
        {"name": "mr-brain", "label": "MR brain", "mode": "composite", "shade": True, "scale": "relative",
         "color": [[0, 0, 0, 0], [.3, .5, .3, .25], [.7, .9, .8, .7], [1, 1, 1, 1]],
         "opacity": [[0, 0], [.3, 0], [.5, .25], [1, .8]]},
        {"name": "pet-mip", "label": "PET", "mode": "mip", "shade": False, "scale": "relative",
         "color": [[0, 1, 1, 1], [1, 0, 0, 0]], "opacity": [[0, 1], [1, 1]]},
        {"name": "mip", "label": "MIP", "mode": "mip", "shade": False, "scale": "relative",
         "color": [[0, 0, 0, 0], [1, 1, 1, 1]], "opacity": [[0, 1], [1, 1]]},
    ],
    "colormaps": [
        {"name": "gray", "colors": [[0, 0, 0], [1, 1, 1]]},
        {"name": "hot", "colors": [[0, 0, 0], [0.5, 0, 0], [1, 0, 0], [1, 0.5, 0], [1, 1, 1]]},
    ],
}  # fmt: skip


class World:
    """The session and the images."""

    def __init__(self, *, scan_seconds: float) -> None:
        self.scans = {scan.id: scan for scan in scans()}
        self.scans["added"] = replace(self.scans["mr-t1"], id="added")
        self.token = secrets.token_urlsafe(16)
        self.revision = 1
        self.state = "scanning" if scan_seconds else "ready"
        self.done = 0
        self.opened: list[str] = []
        self.notes: dict[str, dict[str, dict[str, object]]] = {}
        self.preferences: dict[str, object] = {"keys": {}, "theme": "dark"}
        self.changed = asyncio.Condition()
        self.scan_seconds = scan_seconds

    def session(self) -> dict[str, object]:
        progress = (
            {"done": self.done, "total": 400, "text": "Reading headers"} if self.state == "scanning" else None
        )
        return {"version": "0.0-fake", "title": "Synthetic studies", "state": self.state, "revision": self.revision,
                "progress": progress, "notice": "Research use, not for diagnosis", "error": None}  # fmt: skip

    async def scan(self) -> None:
        for step in range(8):
            await asyncio.sleep(self.scan_seconds / 8)
            self.done = 50 * (step + 1)
            await self.change(0)
        self.state = "ready"
        await self.change(1)

    async def change(self, revisions: int) -> None:
        async with self.changed:
            self.revision += revisions
            self.changed.notify_all()

    def add(self, names: list[str]) -> None:
        self.opened.extend(names)

    def studies(self) -> dict[str, object]:
        shown = STUDIES if self.state == "ready" else STUDIES[:1]
        studies = [self._study(*row) for row in shown]
        if self.opened:
            studies.append(self._opened())
        images = [i for study in studies for series in study["series"] for i in series["images"]]
        first = images[0]["id"] if images else None
        return {"revision": self.revision, "first_image_id": first, "studies": studies, "findings": []}

    def _study(
        self, sid: str, text: str, date: str, name: str, pid: str, ids: list[str]
    ) -> dict[str, object]:
        patient = {"name": name, "id": pid, "birth_date": "19600101", "sex": "O", "age": "064Y"}
        series = [self._series(n + 1, self.scans[i]) for n, i in enumerate(ids)]
        return {"id": sid, "study_uid": f"1.2.3.{sid[1:]}", "description": text, "date": date, "time": "093000",
                "accession": None, "patient": patient, "series": series}  # fmt: skip

    def _series(self, number: int, scan: Scan) -> dict[str, object]:
        data = scan.stored.data
        shape = [n for n, axis in zip(data.shape, "tkjic", strict=False) if axis in "ji" or n > 1]
        image = {"id": scan.id, "label": scan.label, "kind": scan.kind, "modality": scan.modality, "axes": scan.axes,
                 "shape": shape, "frame_of_reference": "1.2.3" if scan.kind == "volume" else None, "thumbnail_url": f"/api/v1/images/{scan.id}/thumbnail"}  # fmt: skip
        return {"id": f"series-{scan.id}", "series_uid": f"1.2.3.4.{number}", "number": number, "description": scan.label,
                "modality": scan.modality, "body_part": None, "format": "dicom", "kind": scan.kind,
                "instance_count": int(data.shape[0] * data.shape[1]), "images": [image], "findings": scan.findings,
                "object": None}  # fmt: skip

    def _opened(self) -> dict[str, object]:
        series = self._series(1, self.scans["added"])
        series["description"] = f"Added: {', '.join(self.opened)}"
        patient = {"name": "", "id": "", "birth_date": "", "sex": "", "age": None}
        return {"id": "added", "study_uid": None, "description": "Added files", "date": None, "time": None,
                "accession": None, "patient": patient, "series": [series]}  # fmt: skip

    def grid(self, scan: Scan, name: str) -> Grid | None:
        return scan.stored if name == "stored" else scan.regular

    def grid_info(self, scan: Scan, name: str) -> dict[str, object] | None:
        grid = self.grid(scan, name)
        if grid is None:
            return None
        shape = list(grid.data.shape[1:4])
        base = f"/api/v1/images/{scan.id}/{name}/e1"
        return {"shape": shape, "affine": None if grid.affine is None else grid.affine.tolist(),
                "slice_origins_mm": grid.origins, "frame_of_reference": "1.2.3" if grid.affine is not None else None,
                "space": "patient" if grid.affine is not None else (scan.spacing or {}).get("source", "unknown"),
                "etag": "e1", "channels": 3 if grid.data.ndim == 5 else 1, "chunk_slices": CHUNK_SLICES,
                "chunk_count": -(-shape[0] // CHUNK_SLICES), "chunk_url": base + "/chunks/{t}/{c}",
                "slice_url": base + "/slices/{t}/{k}"}  # fmt: skip

    def info(self, scan: Scan) -> dict[str, object]:
        data = scan.stored.data
        overlay = [
            {"corner": "tl", "text": "DOE^JANE", "identifying": True}, {"corner": "tl", "text": "MV-0001", "identifying": True},
            {"corner": "tl", "text": "1960-01-01 O", "identifying": True}, {"corner": "tr", "text": "Institute of Phantoms", "identifying": False},
            {"corner": "tr", "text": scan.label, "identifying": False}, {"corner": "tr", "text": "2024-03-11 09:30", "identifying": True},
        ]  # fmt: skip
        return {"id": scan.id, "series_id": f"series-{scan.id}", "study_id": "s1", "label": scan.label, "kind": scan.kind,
                "modality": scan.modality, "axes": scan.axes, "shape": list(data.shape),
                "value": {"dtype": data.dtype.name, "unit": scan.unit, "meaning": scan.meaning,
                          "min": float(data.min()), "max": float(data.max()), "photometric": scan.photometric,
                          "relative": [float(data.min()), float(data.max())], "suv_factor": None},
                "windows": [] if scan.photometric == "RGB" else scan.windows, "volume_presets": scan.presets, "frame_times_s": scan.frame_times_s,
                "frame_rate": 25.0 if scan.kind == "cine" else None, "pixel_spacing": scan.spacing, "overlay": overlay,
                "grids": {"stored": self.grid_info(scan, "stored"), "regular": self.grid_info(scan, "regular")},
                "badge": scan.badge, "findings": scan.findings, "time_points": int(data.shape[0])}  # fmt: skip


def picture(scan: Scan, limit: int) -> bytes:
    """PNG of the middle slice in the default window."""
    data = scan.stored.data
    frame = data[data.shape[0] // 2, data.shape[1] // 2].astype(np.float32)
    if scan.photometric != "RGB":
        window = scan.windows[0]
        low = float(window["center"]) - float(window["width"]) / 2  # type: ignore[arg-type]
        frame = (frame - low) / float(window["width"]) * 255  # type: ignore[arg-type]
    if scan.photometric == "MONOCHROME1":
        frame = 255 - frame
    image = Image.fromarray(np.clip(frame, 0, 255).astype(np.uint8))
    image.thumbnail((limit, limit))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def encode(block: np.ndarray, accept: str) -> Response:
    """Shuffle the bytes of an array and compress them, as the contract states."""
    raw = np.ascontiguousarray(block)
    size = raw.dtype.itemsize
    body = raw.view(np.uint8).reshape(-1, size).T.tobytes() if size > 1 else raw.tobytes()
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if size > 1:
        headers["X-Medvox-Shuffle"] = str(size)
    if "zstd" in accept:
        body, headers["Content-Encoding"] = zstandard.compress(body, 3), "zstd"
    else:
        body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
    return Response(body, media_type="application/octet-stream", headers=headers)


def failure(status: int, what: str, where: str, advice: str) -> JSONResponse:
    return JSONResponse({"error": {"what": what, "where": where, "advice": advice}}, status)


def header_elements(scan: Scan, k: int) -> list[dict[str, object]]:
    """Header lines of one slice: plain, identifying, nested and private ones."""
    rows = [
        ("(0010,0010)", "PN", "PatientName", "Patient's Name", "DOE^JANE", 0, "Z", "", ""),
        (
            "(0010,1002)",
            "SQ",
            "OtherPatientIDsSequence",
            "Other Patient IDs Sequence",
            "1 item",
            0,
            "X",
            "",
            "",
        ),
        ("(FFFE,E000)", "", "Item", "Item", "1 of 1", 1, "", "", ""),
        ("(0010,0020)", "LO", "PatientID", "Patient ID", "MV-0002", 2, "Z", "", ""),
        ("(0008,0060)", "CS", "Modality", "Modality", scan.modality, 0, "", "", ""),
        ("(0020,0013)", "IS", "InstanceNumber", "Instance Number", str(k + 1), 0, "", "", ""),
        (
            "(0043,0010)",
            "LO",
            "PrivateCreator",
            "Private Creator",
            "GEMS_PARM_01",
            0,
            "X",
            "GEMS_PARM_01",
            "GE: parameters",
        ),
        ("(0043,1039)", "IS", "", "", "50", 0, "X", "GEMS_PARM_01", ""),
    ]
    return [{"tag": tag, "vr": vr, "vr_name": "", "keyword": keyword, "name": name, "value": value, "meaning": meaning,
             "depth": depth, "identifying": bool(action) and not creator, "may_identify": bool(action), "action": action,
             "creator": creator} for tag, vr, keyword, name, value, depth, action, creator, meaning in rows]  # fmt: skip


def routes(world: World) -> list[Route]:
    """Every route of the contract."""

    def scan_of(request: Request) -> Scan:
        return world.scans[request.path_params["id"]]

    async def session(_: Request) -> Response:
        return JSONResponse(world.session())

    async def studies(_: Request) -> Response:
        return JSONResponse(world.studies())

    async def presets(_: Request) -> Response:
        return JSONResponse(PRESETS)

    async def hanging(_: Request) -> Response:
        return JSONResponse([])

    async def events(request: Request) -> Response:
        async def stream() -> AsyncIterator[str]:
            while not await request.is_disconnected():
                yield f"event: session\ndata: {json.dumps(world.session())}\n\n"
                async with world.changed:
                    try:
                        await asyncio.wait_for(world.changed.wait(), 2)
                    except TimeoutError:
                        yield ": keep-alive\n\n"

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def open_paths(request: Request) -> Response:
        paths = (await request.json())["paths"]
        if any("missing" in path for path in paths):
            return failure(
                404,
                "The folder does not exist",
                "paths[0]",
                "Check the path; it is a path on the server's machine.",
            )
        world.add(paths)
        await world.change(1)
        return JSONResponse(world.session())

    async def upload(request: Request) -> Response:
        form = await request.form()
        world.add([f.filename or "?" for f in form.getlist("files")])  # type: ignore[union-attr]
        await world.change(1)
        return JSONResponse(world.session())

    async def image(request: Request) -> Response:
        if request.path_params["id"] not in world.scans:
            return failure(
                404, "There is no such image", request.path_params["id"], "Choose an image out of the list."
            )
        return JSONResponse(world.info(scan_of(request)))

    async def chunk(request: Request) -> Response:
        scan, p = scan_of(request), request.path_params
        if scan.broken:
            return failure(
                422,
                "The pixel data end after 1024 of 16384 bytes",
                "slice 1",
                "Export the series again from its source.",
            )
        first = p["c"] * CHUNK_SLICES
        data = world.grid(scan, p["grid"]).data  # type: ignore[union-attr]
        return encode(data[p["t"], first : first + CHUNK_SLICES], request.headers.get("accept-encoding", ""))

    async def one_slice(request: Request) -> Response:
        scan, p = scan_of(request), request.path_params
        if scan.broken:
            return await chunk(request)
        data = world.grid(scan, p["grid"]).data  # type: ignore[union-attr]
        return encode(data[p["t"], p["k"]], request.headers.get("accept-encoding", ""))

    async def probe(request: Request) -> Response:
        scan, q = scan_of(request), request.query_params
        grid = world.grid(scan, q.get("grid", "stored"))
        t, k, j, i = (int(q.get(axis, 0)) for axis in "tkji")
        value = grid.data[t, k, j, i].tolist()  # type: ignore[union-attr]
        mm = None if grid.affine is None else (grid.affine @ [k, j, i, 1])[:3].tolist()  # type: ignore[union-attr]
        source = {"sop_instance_uid": f"1.2.3.4.5.{k + 1}", "frame": 1, "file": f"{scan.id}/IM{k + 1:04d}"}
        return JSONResponse(
            {
                "value": value,
                "stored_value": value,
                "stored_index": [k, j, i],
                "unit": scan.unit,
                "patient_mm": mm,
                "source": source,
            }
        )

    async def header(request: Request) -> Response:
        k = int(request.query_params.get("k", 0))
        return JSONResponse(
            {
                "title": f"{scan_of(request).label}/IM{k + 1:04d}",
                "frame": None,
                "elements": header_elements(scan_of(request), k),
            }
        )

    async def notes(request: Request) -> Response:
        kept = world.notes.setdefault(request.path_params["id"], {})
        if request.method == "POST":
            for note in (await request.json())["changes"]:
                kept[note["id"]] = {**note, "revision": note["revision"] + 1}
        found = {"schema": 1, "key": "fake", "version": sum(n["revision"] for n in kept.values()),
                 "study_uid": None, "series_uid": None, "modality": None, "notes": [*kept.values()]}  # fmt: skip
        return JSONResponse({"document": found, "copies": []} if request.method == "POST" else found)

    async def preferences(request: Request) -> Response:
        if request.method == "PUT":
            world.preferences = await request.json()
        return JSONResponse(world.preferences)

    async def formats(_: Request) -> Response:
        return JSONResponse([".nii.gz"])

    async def segments(_: Request) -> Response:
        return JSONResponse([])

    async def thumbnail(request: Request) -> Response:
        return Response(picture(scan_of(request), 160), media_type="image/png")

    async def preview(request: Request) -> Response:
        return Response(picture(scan_of(request), 768), media_type="image/png")

    one = "/api/v1/images/{id}"
    return [
        Route("/api/v1/session", session), Route("/api/v1/studies", studies), Route("/api/v1/presets", presets), Route("/api/v1/hanging", hanging),
        Route("/api/v1/events", events), Route("/api/v1/open", open_paths, methods=["POST"]),
        Route("/api/v1/upload", upload, methods=["POST"]), Route(one, image), Route(one + "/probe", probe),
        Route(one + "/notes", notes, methods=["GET", "POST"]), Route("/api/v1/export-formats", formats),
        Route(one + "/segments", segments),
        Route("/api/v1/preferences", preferences, methods=["GET", "PUT"]),
        Route(one + "/header", header), Route(one + "/thumbnail", thumbnail), Route(one + "/preview", preview),
        Route(one + "/render", preview), Route(one + "/{grid}/{etag}/chunks/{t:int}/{c:int}", chunk),
        Route(one + "/{grid}/{etag}/slices/{t:int}/{k:int}", one_slice),
    ]  # fmt: skip


def index(world: World, static: Path) -> Route:
    """Answer `/`: the built client with the boot block, after the token."""

    async def page(request: Request) -> Response:
        if request.query_params.get("token") == world.token:
            answer = RedirectResponse("/", 303)
            answer.set_cookie("medvox_token", world.token, httponly=True, samesite="strict", path="/")
            return answer
        if request.cookies.get("medvox_token") != world.token:
            return failure(401, "No token", "/", "Open the address that was printed at start.")
        world.notes.clear()  # a page that is opened anew begins without measurements
        data = base64.b64encode(picture(world.scans["ct-head"], 512)).decode()
        boot = {"session": world.session(),
                "preview": {"image_id": "ct-head", "data_url": f"data:image/png;base64,{data}", "label": "Head CT"}}  # fmt: skip
        block = f'<script type="application/json" id="medvox-boot">{json.dumps(boot)}</script>'
        return HTMLResponse((static / "index.html").read_text().replace("</head>", block + "</head>"))

    return Route("/", page)


class Guard:
    """Let no request of the API through without the cookie."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self.app, self.world = app, world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: ASGIApp = self.app
        if scope["type"] == "http" and scope["path"].startswith("/api/"):
            request = HTTPConnection(scope)
            bearer = request.headers.get("authorization") == f"Bearer {self.world.token}"
            if not bearer and request.cookies.get("medvox_token") != self.world.token:
                advice = "Open the address that was printed at start."
                answer = failure(401, "No token", scope["path"], advice)
        await answer(scope, receive, send)


def application(static: Path, *, scan_seconds: float) -> tuple[Starlette, World]:
    """Return the fake server and its world."""
    world = World(scan_seconds=scan_seconds)

    all_routes = [*routes(world), index(world, static), Mount("/", StaticFiles(directory=static))]
    return Starlette(routes=all_routes, middleware=[Middleware(Guard, world=world)]), world


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--static", type=Path, default=Path(__file__).parents[2] / "src/medvox/server/static")
    parser.add_argument("--scan-seconds", type=float, default=0.0)
    options = parser.parse_args()
    app, world = application(options.static, scan_seconds=options.scan_seconds)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", options.port))
        sock.listen()
        print(f"http://127.0.0.1:{sock.getsockname()[1]}/?token={world.token}", flush=True)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))

        async def run() -> None:
            scan = asyncio.create_task(world.scan()) if options.scan_seconds else None
            await server.serve(sockets=[sock])
            if scan:
                scan.cancel()

        asyncio.run(run())


if __name__ == "__main__":
    main()
