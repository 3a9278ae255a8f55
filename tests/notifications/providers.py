"""Real servers like those of providers, on the loopback, and their ways to misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


def free_port() -> int:
    """Return a loopback port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Handler:
    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.sessions: list[Session] = []
        self.servers: list[SMTP] = []
        self.busy = False
        self.goodbye, self.goodbye_after = "", 0  # how a connection ends, and after how many messages
        self.drops: set[str] = set()  # whose message is taken once, with the connection dropped for an answer
        self.waits_at_mail = 0.0

    def _says_goodbye(self, session: Session, how: str) -> bool:
        return self.goodbye == how and getattr(session, "messages", 0) >= self.goodbye_after

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.sessions.append(session)
        self.servers.append(server)
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.busy:
            return "421 4.3.2 Too busy, closing"
        await asyncio.sleep(self.waits_at_mail)
        if self._says_goodbye(session, "421 at MAIL"):
            return "421 4.7.0 Enough for one connection"
        if self._says_goodbye(session, "close at MAIL"):
            hang_up(server)
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
        if self._says_goodbye(session, "421 at RCPT"):
            return "421 4.7.0 Enough for one connection"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        session.messages = getattr(session, "messages", 0) + 1  # type: ignore[attr-defined]
        if envelope.rcpt_tos[0] in self.drops:
            self.drops.discard(envelope.rcpt_tos[0])
            hang_up(server)
        match envelope.rcpt_tos[0].partition("@")[0]:
            case "spam":
                return "554 5.7.1 Looks like spam: 4821 7730"
            case "hang":
                await asyncio.sleep(2)
            case "drop":
                hang_up(server)
        return "250 OK"


def hang_up(server: SMTP) -> None:
    """End a connection without an answer."""
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()


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
        """Return the messages that were received."""
        return self.handler.taken


class _Form(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or head and body of each answer lie 40 ms apart
    server: SmsGateway

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1
        self.server.clients.append(self.connection)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.bodies.append(body)
        self.server.taken.append({name: values[0] for name, values in parse_qs(body).items()})
        self.server.requests.append((self.path, dict(self.headers)))
        mood = self.server.mood()
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

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Form)
        self.moods: list[Any] = []
        self.bodies: list[str] = []
        self.taken: list[dict[str, str]] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.connections = 0
        self.clients: list[socket.socket] = []
        self.release = threading.Event()

    def mood(self) -> Any:
        """Return how to answer the request that has just arrived."""
        return self.moods.pop(0) if self.moods else (200, {}, '{"id": "sms-1"}')

    def hang_up(self) -> None:
        """End every kept-alive connection."""
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)


class DrippingServer:
    """Speaks to one client after the other as `script` says, and from `stage` on a byte each 20 ms.

    `script`: (what the client's line begins with, the answer); the greeting is the answer to nothing. A drip
    is the answer after a preface of half a minute, so that it is a good one in the end. `cut`: the client is
    gone.
    """

    def __init__(self, script: list[tuple[bytes, bytes]], stage: bytes, preface: bytes) -> None:
        self.script, self.stage, self.preface = script, stage, preface
        self.cut, self.release = threading.Event(), threading.Event()
        self.connections = 0

    def __enter__(self) -> DrippingServer:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.release.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                self.connections += 1
                with client, client.makefile("rb") as lines:
                    try:
                        self._speak(client, lines)
                    except OSError:
                        self.cut.set()

    def _speak(self, client: socket.socket, lines: io.BufferedReader) -> None:
        for wanted, answer in self.script:
            while wanted:
                line = lines.readline()
                if not line:
                    return
                if line.startswith(wanted):
                    break
            if wanted != self.stage:
                client.sendall(answer)
                continue
            for byte in self.preface * (1500 // len(self.preface) + 1) + answer:
                if self.release.wait(0.02):
                    return
                client.sendall(bytes([byte]))


class SilentServer:
    """Accepts connections and never answers."""

    def __enter__(self) -> SilentServer:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()
