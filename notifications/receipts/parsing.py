"""Parse delivery receipts: JSON, or a form as SMS gateways post it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import parse_qs

from notifications.delivery.provider_terms import ID_FIELDS, meaning
from notifications.errors import public_reason
from notifications.models import Notification, Receipt, Status

# The usual names of each field; the first one that is present counts.
REFERENCE_FIELDS = ("reference", "client_reference", "clientRef")
STATUS_FIELDS = ("status", "message_status", "messageStatus", "MessageStatus")
ERROR_FIELDS = ("error", "error_code", "errorCode", "ErrorCode", "reason")
MOST_FIELDS = 100
LONGEST_ID = 200
LONGEST_ERROR = 2000  # as read; less of it is stored
# Our reference of a message when we hand it over: "stored-4711", or its number alone.
_REFERENCE = re.compile(r"(?:([a-z_]{1,40})-)?([0-9]{1,18})", re.ASCII)

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class Malformed(Exception):
    """The body is not a receipt; the message says why and repeats nothing of it."""


def key(provider: str, event: str) -> str:
    """Return the key of one event of one provider."""
    return sha256(f"{provider}\n{event}".encode()).hexdigest()


def read(provider: str, event: str, content_type: str, body: bytes) -> Receipt | None:
    """Return the unsaved receipt; None if the message is still on its way. Raise `Malformed`."""
    fields = _json(body) if content_type == JSON else _form(body)
    word = _text(fields, STATUS_FIELDS)
    if not word:
        raise Malformed(f"The status is missing: one of the fields {', '.join(STATUS_FIELDS)}")
    provider_id, reference = _text(fields, ID_FIELDS), _text(fields, REFERENCE_FIELDS)
    if not provider_id and not reference:
        raise Malformed(f"The message id is missing: one of {', '.join(ID_FIELDS)}, or reference")
    ours = _REFERENCE.fullmatch(reference)
    if reference and ours is None and not provider_id:
        raise Malformed("The reference is not one of ours")
    try:
        outcome = meaning(word)
    except KeyError:
        raise Malformed("The status is not listed in docs/messages.md") from None
    if outcome is None:
        return None
    error = _error(fields) if outcome == Status.BOUNCED else ""
    return Receipt(
        key=key(provider, event),
        provider=provider,
        provider_id=provider_id,
        number=_number(*ours.groups()) if ours else None,
        outcome=outcome,
        reason=public_reason(f"{word}: {error}" if error else word) if outcome == Status.BOUNCED else "",
    )


def _number(kind: str | None, number: str) -> int | None:
    """Return the id of our message; None if our message with this number is of another kind."""
    named = Notification.objects.filter(pk=int(number), kind=kind)
    return int(number) if kind is None or named.exists() else None


def _json(body: bytes) -> Mapping[str, object]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("The body is not valid JSON") from None
    if isinstance(fields, dict) and isinstance(fields.get("data"), dict):
        fields = fields["data"]
    if not isinstance(fields, dict):
        raise Malformed("The body is not a JSON object")
    return fields


def _form(body: bytes) -> Mapping[str, object]:
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Malformed("The body is not a valid form") from None
    if any(len(values) > 1 for values in fields.values()):
        raise Malformed("A field occurs twice")
    return {name: values[0] for name, values in fields.items()}


def _text(fields: Mapping[str, object], names: tuple[str, ...]) -> str:
    """Return the first field of `names` that is present and not empty; a whole number counts as text."""
    value = next((fields[name] for name in names if fields.get(name) not in (None, "")), "")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Malformed(f"{names[0]} is neither text nor a whole number")
    text = str(value)
    if not text.isprintable():
        raise Malformed(f"{names[0]} contains unprintable characters")
    if len(text) > LONGEST_ID:
        raise Malformed(f"{names[0]} is too long")
    return text


def _error(fields: Mapping[str, object]) -> str:
    """Return why it bounced, in the provider's own words; empty if they are not text.

    This is lenient, because an odd explanation is no reason to lose the bounce. It is cut and masked later.
    """
    words = (fields[name] for name in ERROR_FIELDS if fields.get(name) not in (None, "", False))
    return next((str(word)[:LONGEST_ERROR] for word in words if isinstance(word, str | int | float)), "")
