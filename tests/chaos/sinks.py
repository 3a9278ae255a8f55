"""Providers on the loopback that write down every message they accept, before they say so."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections import Counter
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.notifications.providers import free_port, hang_up


class Sinks:
    """An SMTP server and an SMS gateway that append each accepted message to one file.

    `pause`: seconds from accepting a message to saying so: the moment in which a killed worker leaves a
    message that is out and not written down. `drop_each`: of so many messages of a channel one is accepted
    and its connection dropped for an answer; `dropped` counts them.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.pause = 0.0
        self.drop_each = 0
        self.dropped = 0
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._smtp = Controller(_Mail(self), hostname="127.0.0.1", port=free_port())
        self._sms = _Gateway(self)
        self._thread = threading.Thread(target=self._sms.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Sinks:
        self.file.touch()
        self._smtp.start()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._smtp.stop()
        self._sms.shutdown()
        self._thread.join()
        self._sms.server_close()

    @property
    def smtp_port(self) -> int:
        """Where mail is taken."""
        return int(self._smtp.port)

    @property
    def sms_port(self) -> int:
        """Where SMS are taken."""
        return int(self._sms.server_port)

    def take(self, channel: str, notification: int, kind: str, to: str) -> bool:
        """Write a message down; whether to say so."""
        message = {"channel": channel, "id": notification, "kind": kind, "to": to, "at": time.time()}
        line = json.dumps(message)
        with self._lock:
            self._taken[channel] += 1
            drops = bool(self.drop_each) and self._taken[channel] % self.drop_each == 0
            self.dropped += drops
            descriptor = os.open(self.file, os.O_WRONLY | os.O_APPEND)
            os.write(descriptor, f"{line}\n".encode())
            os.close(descriptor)
        return not drops

    def messages(self) -> list[dict[str, Any]]:
        """Everything that was accepted so far, copies too."""
        return [json.loads(line) for line in self.file.read_text().splitlines()]

    def copies(self) -> Counter[int]:
        """How often each notification was accepted, by its id."""
        return Counter(int(message["id"]) for message in self.messages())


class _Mail:
    def __init__(self, sinks: Sinks) -> None:
        self.sinks = sinks

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.content or b"")  # type: ignore[arg-type]
        number, kind = int(mail["X-Notification-Id"]), mail["X-Notification-Kind"]
        if not self.sinks.take("email", number, kind, envelope.rcpt_tos[0]):
            hang_up(server)
        await asyncio.sleep(self.sinks.pause)
        return "250 OK"


class _Form(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Gateway

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        kind, _, number = form["reference"][0].rpartition("-")
        if not self.server.sinks.take("sms", int(number), kind, form["to"][0]):
            self.close_connection = True
            return
        time.sleep(self.server.sinks.pause)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:  # its worker was killed
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Gateway(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, sinks: Sinks) -> None:
        super().__init__(("127.0.0.1", 0), _Form)
        self.sinks = sinks
