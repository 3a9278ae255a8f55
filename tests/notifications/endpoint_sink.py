"""A real HTTP server like those that couriers run for webhooks, and its ways to misbehave."""

from __future__ import annotations

import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Taken:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)


class _Handler(BaseHTTPRequestHandler):
    server: EndpointSink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sink = self.server
        with sink.lock:
            sink.taken.append(Taken(self.path, dict(self.headers), body))
            moods = sink.moods[self.path]
            mood = moods.pop(0) if len(moods) > 1 else moods[0] if moods else 204
        if callable(mood):
            mood = mood()
        if isinstance(mood, str):
            getattr(self, f"_{mood}")()
            return
        status, headers = mood if isinstance(mood, tuple) else (mood, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _hang(self) -> None:
        self.server.release.wait(30)
        self.close_connection = True

    def _drop(self) -> None:
        self.close_connection = True

    def _drip_head(self) -> None:
        self._drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1000)

    def _drip_body(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        self._drip(b"x" * 100_000)

    def _drip(self, text: bytes) -> None:
        for byte in text:
            if self.server.release.wait(0.02):
                return
            try:
                self.wfile.write(bytes([byte]))
            except OSError:
                self.server.cut.set()
                return

    def _huge(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            for _ in range(1000):
                self.wfile.write(b"x" * 1_000_000)
                self.server.megabytes += 1
        except OSError:
            self.server.cut.set()

    def _nonsense(self) -> None:
        self.wfile.write(b"\x00\xff this is no HTTP\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


class EndpointSink(ThreadingHTTPServer):
    """Each path has its own `moods`, of which the last stays: a status, (status, headers) or a name above."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tls = context is not None
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.moods: defaultdict[str, list[Any]] = defaultdict(list)
        self.taken: list[Taken] = []
        self.lock = threading.Lock()
        self.release = threading.Event()
        self.cut = threading.Event()
        self.megabytes = 0

    def url(self, path: str = "/hook", host: str = "127.0.0.1") -> str:
        """Of one of its paths."""
        return f"{'https' if self.tls else 'http'}://{host}:{self.server_port}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect or reject our certificate."""


@contextmanager
def endpoint_sink(context: ssl.SSLContext | None = None) -> Iterator[EndpointSink]:
    """Run a sink for the time of the block."""
    server = EndpointSink(context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        thread.join()
        server.server_close()
