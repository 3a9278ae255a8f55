"""An SMS gateway of the common kind: a form by POST, with a bearer token.

Sends the fields `to`, `from`, `text` and `reference` to SMS_GATEWAY_URL. 2xx: taken.
"""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from notifications.errors import DeliveryError
from notifications.retry import seconds_in
from notifications.sms.base import BaseSmsBackend

# Refusals that are not about this message: our account or address is wrong, or the gateway is busy. All the
# others in 400 to 499 would meet the same message again.
NOT_THIS_MESSAGE = {401, 402, 403, 404, 405, 407, 408, 421, 425, 429}
LONGEST_ANSWER = 65_536
ID_FIELDS = ("id", "message_id", "messageId", "sid")


class SmsBackend(BaseSmsBackend):
    """One kept-alive connection to the gateway. Redirects are not followed: they count as failures."""

    def __init__(self) -> None:
        url = urlsplit(settings.SMS_GATEWAY_URL)
        connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        self._connection = connect(url.hostname or "", url.port, timeout=settings.SMS_TIMEOUT)
        self._target = f"{url.path or '/'}{'?' + url.query if url.query else ''}"

    def send(self, to: str, text: str, *, reference: str = "") -> str:
        """Post it; `DeliveryError` is permanent for refusals of this message, else it may pass."""
        form = {"to": to, "from": settings.SMS_SENDER, "text": text, "reference": reference}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if settings.SMS_GATEWAY_TOKEN:
            headers["Authorization"] = f"Bearer {settings.SMS_GATEWAY_TOKEN}"
        try:
            self._connection.request("POST", self._target, urlencode(form), headers)
            response = self._connection.getresponse()
            answer = response.read(LONGEST_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise DeliveryError(f"SMS gateway: {type(error).__name__}") from None
        if not response.isclosed():
            self.close()  # the rest of an endless answer would be read as the next one
        if 200 <= response.status < 300:
            return _message_id(answer)
        raise DeliveryError(
            f"SMS gateway: HTTP {response.status}: {answer[:200].decode(errors='replace')}",
            permanent=400 <= response.status < 500 and response.status not in NOT_THIS_MESSAGE,
            retry_after=seconds_in(response.headers.get("Retry-After")),
        )

    def close(self) -> None:
        """Close the connection; the next message opens a new one."""
        self._connection.close()


def _message_id(answer: bytes) -> str:
    """The gateway's id of the message, where its answer is JSON and has one under a usual name."""
    try:
        fields = json.loads(answer)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(fields, dict):
        return ""
    return next((str(fields[name])[:200] for name in ID_FIELDS if fields.get(name)), "")
