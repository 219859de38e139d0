"""An S3 server in this process, behind a door that can be made to fail."""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import threading

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "y",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
}
REFUSAL = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Door(socketserver.ThreadingTCPServer):
    """Passes connections on to a server; `mode` is ``"open"``, ``"refusing"`` or ``"silent"``."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.target = target
        self.mode = "open"
        self.sockets: set[socket.socket] = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.server_address)

    @contextlib.contextmanager
    def failing(self, mode: str):
        self._set(mode)
        try:
            yield
        finally:
            self._set("open")

    def _set(self, mode: str) -> None:
        self.mode = mode
        self.close_all()

    def close_all(self) -> None:
        for one in list(self.sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class _Passing(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.server.sockets.add(self.request)
        with contextlib.suppress(OSError):
            if self.server.mode == "open":
                with socket.create_connection(self.server.target) as other:
                    self.server.sockets.add(other)
                    back = threading.Thread(target=pass_on, args=(other, self.request), daemon=True)
                    back.start()
                    pass_on(self.request, other)
                    back.join()
                    self.server.sockets.discard(other)
            else:
                while self.request.recv(1 << 16):
                    if self.server.mode == "refusing":
                        self.request.sendall(REFUSAL)
                        break
        self.server.sockets.discard(self.request)


def pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(1 << 16):
            target.sendall(part)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


class ObjectServer:
    """moto's S3 and a door before it."""

    def __init__(self) -> None:
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        self._at = self._server.get_host_and_port()
        self.door = Door(self._at)
        self._buckets = 0

    def environment(self) -> dict[str, str]:
        return ENVIRONMENT | {"AWS_ENDPOINT_URL": self.door.url, "AWS_ENDPOINT": self.door.url}

    def client(self):
        import boto3

        return boto3.client(
            "s3",
            endpoint_url="http://{}:{}".format(*self._at),
            aws_access_key_id="x",
            aws_secret_access_key="y",
            region_name="us-east-1",
        )

    def new_bucket(self) -> str:
        """Make a bucket; return its URL."""
        self._buckets += 1
        name = f"bucket{self._buckets}-{os.getpid()}"
        self.client().create_bucket(Bucket=name)
        return f"s3://{name}/archive"

    def stop(self) -> None:
        self.door.close_all()  # else moto waits for connections that clients keep open
        self.door.shutdown()
        self.door.server_close()
        self._server.stop()
