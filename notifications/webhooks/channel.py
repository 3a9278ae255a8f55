"""Webhooks as the Standard Webhooks specification defines them, each over its own connection."""

from __future__ import annotations

import base64
import hmac
import http.client
import ssl
import time
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import ClassVar, cast

from common.deadlines import Watchdog, reach, time_left
from notifications.delivery.channel import Channel
from notifications.delivery.retry import seconds_in
from notifications.errors import DeliveryError
from notifications.messages import Message
from notifications.models import Notification
from notifications.webhooks import url_guard
from notifications.webhooks.url_guard import IPAddress, Target

TIMEOUT = 10.0  # seconds for the whole request, however slowly bytes arrive
GONE = 410


def message_id(notification: Notification) -> str:
    """Return an id that is the same at each attempt, by which receivers recognize duplicates.

    It contains the time, because a database restored from a backup assigns the same numbers again.
    """
    return f"msg_{notification.created_at:%Y%m%d%H%M%S}_{notification.pk}"


def signatures(identity: str, timestamp: int, body: bytes, keys: Sequence[bytes]) -> str:
    """Return the value of the signature header: one signature for each key."""
    content = f"{identity}.{timestamp}.".encode() + body
    signed = (base64.b64encode(hmac.digest(key, content, sha256)).decode() for key in keys)
    return " ".join(f"v1,{signature}" for signature in signed)


class WebhookChannel(Channel):
    """Posts to endpoints. It has no state and may be used by many threads at once."""

    name: ClassVar[str] = "webhook"

    def send(self, notification: Notification, message: Message) -> str:
        """Post `message.context["body"]` to `message.to`, signed; return the status if it is 2xx.

        Any other status, a redirect too, is a `DeliveryError` that is retried; only 410 is permanent.
        """
        body = cast(bytes, message.context["body"])
        keys = cast(Sequence[bytes], message.context["keys"])
        identity, timestamp = message_id(notification), int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Locker-Portal-Webhooks/1",
            "Connection": "close",
            "webhook-id": identity,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures(identity, timestamp, body, keys),
        }
        status, retry_after = _post(message.to, body, headers)
        if 200 <= status < 300:
            return f"HTTP {status}"
        raise DeliveryError(
            f"HTTP {status}",
            permanent=status == GONE,
            gone=status == GONE,
            retry_after=seconds_in(retry_after),
        )


def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str | None]:
    """Return status and Retry-After of the answer, within `TIMEOUT`. Raise `DeliveryError`."""
    deadline = time.monotonic() + TIMEOUT
    try:
        target = url_guard.parse(url)
        connection = _Connection(target, url_guard.addresses(target), deadline)
    except url_guard.ForbiddenTarget as error:
        raise DeliveryError(f"The URL {error}") from None
    except OSError:
        raise DeliveryError("The host name could not be resolved") from None
    try:
        connection.request("POST", target.path, body, headers)
        with connection.getresponse() as response:  # the body is not read
            connection.check_time()  # headers that were cut off look complete
            return response.status, response.headers.get("Retry-After")
    except (OSError, http.client.HTTPException) as error:
        raise DeliveryError(_words(error, late=time.monotonic() >= deadline)) from None
    finally:
        connection.close()


def _words(error: Exception, *, late: bool) -> str:
    if late or isinstance(error, TimeoutError):
        return f"No answer within {TIMEOUT:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate is not valid: {error.verify_message}"
    return type(error).__name__


class _Connection(http.client.HTTPConnection):
    """A connection to the addresses that were checked and no others, cut at the deadline."""

    def __init__(self, target: Target, addresses: Sequence[IPAddress], deadline: float) -> None:
        super().__init__(target.host, target.port)
        self._target, self._addresses, self._deadline = target, addresses, deadline
        self._watchdog: Watchdog | None = None

    def connect(self) -> None:
        """Try one address after the other; then start TLS, verified against the name."""
        plain = reach(map(str, self._addresses), self._target.port, self._deadline)
        self._watchdog = Watchdog(plain, self._deadline)
        plain.settimeout(TIMEOUT)
        self.sock = (
            _tls().wrap_socket(plain, server_hostname=self._target.host) if self._target.tls else plain
        )

    def check_time(self) -> None:
        """Raise `TimeoutError` if no time is left."""
        time_left(self._deadline)

    def close(self) -> None:
        """Close the connection; raise nothing."""
        if self._watchdog is not None:
            self._watchdog.close()
        super().close()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
