"""The built OHIF of npm (`./dev ohif`) as a site of its own, in front of any DICOMweb."""

from __future__ import annotations

import json
import mimetypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".medvox" / "ohif"
ABSENT = "OHIF is not there: type ./dev ohif"
CONFIG = """localStorage.setItem('shownTours', JSON.stringify(['basicViewerTour']));
window.config = {
  routerBasename: '/', modes: [], customizationService: {}, showStudyList: true,
  maxNumberOfWebWorkers: 3, showLoadingIndicator: true, showErrorDetails: 'always',
  investigationalUseDialog: { option: 'never' }, showWarningMessageForCrossOrigin: false,
  maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 25 },
  extensions: [{
    id: 'token',
    preRegistration({ servicesManager }) {
      const url = new URL(location.href);
      const token = url.searchParams.get('token') ?? sessionStorage.getItem('token');
      if (!token) return;
      sessionStorage.setItem('token', token);
      url.searchParams.delete('token');
      history.replaceState(null, '', url);
      const getAuthorizationHeader = () => ({ Authorization: `Bearer ${token}` });
      servicesManager.services.userAuthenticationService.setServiceImplementation({ getAuthorizationHeader });
    },
  }],
  defaultDataSourceName: 'node',
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', sourceName: 'node',
    configuration: {
      friendlyName: 'node', name: 'node', qidoRoot: ROOT, wadoRoot: ROOT, wadoUriRoot: WADO,
      qidoSupportsIncludeField: true, imageRendering: 'wadors', thumbnailRendering: 'wadors',
      enableStudyLazyLoad: true, supportsFuzzyMatching: true, supportsWildcard: true,
      singlepart: 'bulkdata,pdf,video', bulkDataURI: { enabled: true },
    },
  }],
};
"""


def package() -> Path | None:
    """Folder of the newest OHIF that is there, None where there is none."""
    found = sorted(path for path in FOLDER.glob("*") if (path / "dist" / "index.html").is_file())
    return found[-1] if found else None


def version() -> str:
    """Version of that OHIF."""
    folder = package()
    assert folder is not None, ABSENT
    return str(json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"])


@cache
def _file(path: Path) -> bytes:
    return path.read_bytes()


@contextmanager
def served(root: str = "", wado: str = "", port: int = 0) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve OHIF on loopback for the `with` block.

    Parameters
    ----------
    root
        Address of the DICOMweb.
    wado
        Address of WADO-URI.
    port
        Where; 0 takes a free one.

    Returns
    -------
    address, place
        Its address, and ``root`` and ``wado``, which may be changed between two pages.
    """
    folder = package()
    assert folder is not None, ABSENT
    dist, place = folder / "dist", {"root": root, "wado": wado}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            name = self.path.split("?")[0].lstrip("/")
            path = (dist / name).resolve()
            if name == "app-config.js":
                text = CONFIG.replace("ROOT", json.dumps(place["root"])).replace(
                    "WADO", json.dumps(place["wado"])
                )
                body, kind = text.encode(), "text/javascript"
            else:
                if not path.is_relative_to(dist) or not path.is_file():
                    path = dist / "index.html"
                body, kind = _file(path), mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", place
        finally:
            server.shutdown()
            thread.join()
