"""What the optional package django-anymail raises, in our own words. Nothing here imports it."""

from __future__ import annotations

import sys

from django.core.mail import EmailMessage

from notifications.delivery.retry import seconds_in
from notifications.errors import DeliveryError
from notifications.sms.http import NOT_THIS_MESSAGE


def raised(error: Exception) -> bool:
    """Whether `error` is one of django-anymail's."""
    known = sys.modules.get("anymail.exceptions")  # who has raised one has imported it
    return known is not None and isinstance(error, known.AnymailError)


def delivery_error(error: Exception) -> DeliveryError | None:
    """What an error of django-anymail means for the message; None for a fault of ours.

    A provider's status says whose affair it is, as with an SMS gateway: 4xx is this message's, except for
    those that are about our account or our rate; everything else is the provider's and may pass.
    """
    known = sys.modules["anymail.exceptions"]
    if isinstance(error, known.AnymailRecipientsRefused | known.AnymailInvalidAddress):
        return DeliveryError("Recipient refused by the provider", permanent=True)
    if not isinstance(error, known.AnymailAPIError):
        return None
    status = error.status_code
    if status is None:
        return DeliveryError(f"E-mail provider: {type(error.__cause__ or error).__name__}")
    response = error.response
    return DeliveryError(
        f"E-mail provider: HTTP {status}: {getattr(response, 'text', '')[:500]}",
        permanent=400 <= status < 500 and status not in NOT_THIS_MESSAGE,
        retry_after=seconds_in(getattr(response, "headers", {}).get("Retry-After")),
    )


def message_id(mail: EmailMessage) -> str | None:
    """The provider's id of a message that django-anymail has sent; None where another backend did."""
    status = getattr(mail, "anymail_status", None)
    identity = getattr(status, "message_id", None)
    return str(identity) if isinstance(identity, str | int) else None  # a set for several recipients
