"""An SMS gateway of the common kind: it accepts a form by POST, with a bearer token.

The fields are `to`, `from`, `text` and `reference`; any answer from 200 to 299 means that it has accepted the
message. For a provider whose requests look different, derive a backend that overrides `build_request`.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from functools import cache
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from common.deadlines import Watchdog, addresses_of, has_ended, reach
from notifications.delivery.provider_terms import ID_FIELDS
from notifications.delivery.retry import seconds_in
from notifications.errors import DeliveryError
from notifications.sms.base import BaseSmsBackend, Provider

# Refusals that are not about this message: our account or the URL is wrong, or the gateway is busy. Any other
# from 400 to 499 would be repeated for the same message.
NOT_THIS_MESSAGE = {401, 402, 403, 404, 405, 407, 408, 421, 425, 429}
LONGEST_ANSWER = 65_536


class _Connection(http.client.HTTPConnection):
    """A kept-alive connection, cut if a request takes longer than `seconds`, however slowly bytes arrive."""

    def __init__(self, host: str, port: int | None, *, tls: bool, seconds: float) -> None:
        self.default_port = http.client.HTTPS_PORT if tls else http.client.HTTP_PORT
        super().__init__(host, port)
        self._tls, self._seconds = tls, seconds
        self._until = 0.0
        self._watchdog: Watchdog | None = None

    def begin(self) -> None:
        """Start the time of one request, which includes connecting where there is no connection."""
        self._until = time.monotonic() + self._seconds
        if self.sock is not None and has_ended(self.sock):
            self.close()
        if self._watchdog is not None:
            self._watchdog.until = self._until

    def connect(self) -> None:
        """Try one address after the other; then start TLS, verified against the name."""
        self.end()
        sock = reach(addresses_of(self.host), self.port, self._until)
        sock.settimeout(self._seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watchdog = Watchdog(sock, self._until)
        self.sock = _tls().wrap_socket(sock, server_hostname=self.host) if self._tls else sock

    def end(self) -> None:
        """Stop the watchdog of a connection that is not kept, once the answer was read.

        `close` does not stop it, because http.client closes its side before such an answer is read.
        """
        if self.sock is None and self._watchdog is not None:
            self._watchdog.close()
            self._watchdog = None


class SmsBackend(BaseSmsBackend):
    """A kept-alive connection to the gateway. Redirects are not followed: they count as failures."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(provider)
        url = urlsplit(provider.url)
        self._connection = _Connection(
            url.hostname or "", url.port, tls=url.scheme == "https", seconds=settings.SMS_TIMEOUT
        )
        self._target = f"{url.path or '/'}{'?' + url.query if url.query else ''}"

    def send(self, to: str, text: str, *, reference: str = "") -> str:
        """Post the message; the `DeliveryError` is permanent only if it refuses this very message."""
        body, headers = self.build_request(to, text, reference)
        try:
            self._connection.begin()
            self._connection.request("POST", self._target, body, headers)
            response = self._connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise DeliveryError(f"SMS gateway: {type(error).__name__}") from None
        answer = self._read(response)
        if 200 <= response.status < 300:
            return self.message_id(answer)
        raise DeliveryError(
            f"SMS gateway: HTTP {response.status}: {answer[:200].decode(errors='replace')}",
            permanent=400 <= response.status < 500 and response.status not in NOT_THIS_MESSAGE,
            retry_after=seconds_in(response.headers.get("Retry-After")),
        )

    def build_request(self, to: str, text: str, reference: str) -> tuple[str, dict[str, str]]:
        """Return the body of the request, and its headers."""
        form = {"to": to, "from": self.provider.sender, "text": text, "reference": reference}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if self.provider.token:
            headers["Authorization"] = f"Bearer {self.provider.token}"
        return urlencode(form), headers

    def message_id(self, answer: bytes) -> str:
        """Return the gateway's id of the message, where the answer is JSON and has one under a usual name."""
        try:
            fields = json.loads(answer)
        except (ValueError, RecursionError):
            return ""
        if not isinstance(fields, dict):
            return ""
        return next((str(fields[name])[:200] for name in ID_FIELDS if fields.get(name)), "")

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        """Return the body; whether the message was accepted depends on the status alone."""
        try:
            return response.read(LONGEST_ANSWER)
        except (OSError, http.client.HTTPException):
            return b""
        finally:
            if response.isclosed():
                self._connection.end()
            else:
                self.close()  # the rest of an endless answer would be read as the next answer

    def close(self) -> None:
        """Close the connection; the next message opens a new one."""
        self._connection.close()
        self._connection.end()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
