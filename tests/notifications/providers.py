"""Real servers of the kind that providers run, on the loopback, with the moods that providers have."""

from __future__ import annotations

import asyncio
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


def free_port() -> int:
    """A port of the loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Handler:
    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.sessions: list[Session] = []
        self.busy = False

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.sessions.append(session)
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.busy:
            return "421 4.3.2 Too busy, closing"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        match address.partition("@")[0]:
            case "unknown":
                return f"550 5.1.1 <{address}>: no such user"
            case "greylisted":
                return f"450 4.2.0 <{address}>: greylisted, try again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        match envelope.rcpt_tos[0].partition("@")[0]:
            case "spam":
                return "554 5.7.1 Looks like spam: 4821 7730"
            case "hang":
                await asyncio.sleep(2)
            case "drop":
                assert isinstance(server.transport, asyncio.WriteTransport)
                server.transport.abort()
        return "250 OK"


class SmtpServer(Controller):
    """SMTP; the recipient's name sets its mood: unknown, greylisted, spam, hang, drop, or anything else."""

    handler: _Handler

    def __init__(self) -> None:
        super().__init__(_Handler(), hostname="127.0.0.1", port=free_port())

    def __enter__(self) -> SmtpServer:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def taken(self) -> list[Envelope]:
        """What came in with DATA."""
        return self.handler.taken


class _Form(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or head and body of each answer lie 40 ms apart
    server: SmsGateway

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.taken.append({name: values[0] for name, values in parse_qs(body).items()})
        self.server.requests.append((self.path, dict(self.headers)))
        mood = self.server.moods.pop(0) if self.server.moods else (200, {}, '{"id": "sms-1"}')
        if mood == "drop":
            self.close_connection = True
            return
        if mood == "hang":
            self.server.release.wait(10)
            self.close_connection = True
            return
        status, headers, answer = mood
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.encode())))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


class SmsGateway(ThreadingHTTPServer):
    """HTTP; each of `moods` answers one request: (status, headers, body), "hang" or "drop"; then 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Form)
        self.moods: list[Any] = []
        self.taken: list[dict[str, str]] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.connections = 0
        self.release = threading.Event()


class SilentServer:
    """Accepts connections and never says a word."""

    def __enter__(self) -> SilentServer:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()
