"""Translate errors of the optional package django-anymail, without importing it."""

from __future__ import annotations

import sys

from django.core.mail import EmailMessage

from notifications.delivery.retry import seconds_in
from notifications.errors import DeliveryError
from notifications.sms.http import NOT_THIS_MESSAGE


def raised(error: Exception) -> bool:
    """Return whether `error` is one of django-anymail's."""
    known = sys.modules.get("anymail.exceptions")  # if one was raised, it was imported
    return known is not None and isinstance(error, known.AnymailError)


def delivery_error(error: Exception) -> DeliveryError | None:
    """Return what an error of django-anymail means for the message; None for a fault of ours.

    As with an SMS gateway, a status of 4xx is about this message, except for those about our account or rate;
    everything else is the provider's fault and may pass.
    """
    known = sys.modules["anymail.exceptions"]
    if isinstance(error, known.AnymailRecipientsRefused | known.AnymailInvalidAddress):
        return DeliveryError("Recipient refused by the provider", permanent=True)
    if not isinstance(error, known.AnymailAPIError):
        return None
    status = error.status_code
    if status is None:
        return DeliveryError(f"Email provider: {type(error.__cause__ or error).__name__}")
    response = error.response
    return DeliveryError(
        f"Email provider: HTTP {status}: {getattr(response, 'text', '')[:500]}",
        permanent=400 <= status < 500 and status not in NOT_THIS_MESSAGE,
        retry_after=seconds_in(getattr(response, "headers", {}).get("Retry-After")),
    )


def message_id(mail: EmailMessage) -> str | None:
    """Return the provider's id of a message sent by django-anymail; None for any other backend."""
    status = getattr(mail, "anymail_status", None)
    identity = getattr(status, "message_id", None)
    return str(identity) if isinstance(identity, str | int) else None  # a set for several recipients
