"""An SMS gateway of the common kind: a form by POST, with a bearer token.

Sends the fields `to`, `from`, `text` and `reference` to SMS_GATEWAY_URL (or its `_2`). 2xx: taken.
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

# Refusals that are not about this message: our account or address is wrong, or the gateway is busy. All the
# others in 400 to 499 would meet the same message again.
NOT_THIS_MESSAGE = {401, 402, 403, 404, 405, 407, 408, 421, 425, 429}
LONGEST_ANSWER = 65_536


class _Connection(http.client.HTTPConnection):
    """One that is kept, and cut when a request takes longer than `seconds`, however slowly the bytes come."""

    def __init__(self, host: str, port: int | None, *, tls: bool, seconds: float) -> None:
        self.default_port = http.client.HTTPS_PORT if tls else http.client.HTTP_PORT
        super().__init__(host, port)
        self._tls, self._seconds = tls, seconds
        self._until = 0.0
        self._watchdog: Watchdog | None = None

    def begin(self) -> None:
        """The time of one request begins, with that of connecting where there is no connection."""
        self._until = time.monotonic() + self._seconds
        if self.sock is not None and has_ended(self.sock):
            self.close()
        if self._watchdog is not None:
            self._watchdog.until = self._until

    def connect(self) -> None:
        """One address after the other; then TLS, verified against the name."""
        self.end()
        sock = reach(addresses_of(self.host), self.port, self._until)
        sock.settimeout(self._seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watchdog = Watchdog(sock, self._until)
        self.sock = _tls().wrap_socket(sock, server_hostname=self.host) if self._tls else sock

    def end(self) -> None:
        """The answer was read; a connection that is not kept needs no watchdog any more.

        `close` leaves it: http.client closes its side before such an answer is read.
        """
        if self.sock is None and self._watchdog is not None:
            self._watchdog.close()
            self._watchdog = None


class SmsBackend(BaseSmsBackend):
    """One kept-alive connection to the gateway. Redirects are not followed: they count as failures."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(provider)
        url = urlsplit(provider.url)
        self._connection = _Connection(
            url.hostname or "", url.port, tls=url.scheme == "https", seconds=settings.SMS_TIMEOUT
        )
        self._target = f"{url.path or '/'}{'?' + url.query if url.query else ''}"

    def send(self, to: str, text: str, *, reference: str = "") -> str:
        """Post it; `DeliveryError` is permanent for refusals of this message, else it may pass."""
        form = {"to": to, "from": self.provider.sender, "text": text, "reference": reference}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if self.provider.token:
            headers["Authorization"] = f"Bearer {self.provider.token}"
        try:
            self._connection.begin()
            self._connection.request("POST", self._target, urlencode(form), headers)
            response = self._connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise DeliveryError(f"SMS gateway: {type(error).__name__}") from None
        answer = self._read(response)
        if 200 <= response.status < 300:
            return _message_id(answer)
        raise DeliveryError(
            f"SMS gateway: HTTP {response.status}: {answer[:200].decode(errors='replace')}",
            permanent=400 <= response.status < 500 and response.status not in NOT_THIS_MESSAGE,
            retry_after=seconds_in(response.headers.get("Retry-After")),
        )

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        """What its body says; the status alone says whether the message was taken."""
        try:
            return response.read(LONGEST_ANSWER)
        except (OSError, http.client.HTTPException):
            return b""
        finally:
            if response.isclosed():
                self._connection.end()
            else:
                self.close()  # the rest of an endless answer would be read as the next one

    def close(self) -> None:
        """Close the connection; the next message opens a new one."""
        self._connection.close()
        self._connection.end()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _message_id(answer: bytes) -> str:
    """The gateway's id of the message, where its answer is JSON and has one under a usual name."""
    try:
        fields = json.loads(answer)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(fields, dict):
        return ""
    return next((str(fields[name])[:200] for name in ID_FIELDS if fields.get(name)), "")
