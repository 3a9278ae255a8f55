"""Refusals of a code that is typed at a kiosk."""

from __future__ import annotations

from common.refusals import Refusal


class UnknownCode(Refusal):
    """No package at this location opens with this code.

    It is wrong, was used, or belongs to another location; all are answered alike. Let it be typed again.
    """

    code = "unknown_code"
    status = 404


class CodeExpired(Refusal):
    """The hold of this package has ended; please contact the courier.

    The door stays shut. The courier can extend the hold, and the code then works again.
    """

    code = "expired"


class OnHold(Refusal):
    """The package is being held back; please contact the courier.

    The door stays shut until the courier releases it; then the same code works.
    """

    code = "on_hold"


class PhoneCheckRequired(Refusal):
    """The last four digits of the recipient's phone are needed as well.

    So many wrong codes were typed here today. Ask for them and send `phone_last4`.
    """

    code = "phone_check_required"
    status = 403


class TooManyAttempts(Refusal):
    """Too many wrong codes on this screen; please wait.

    Nothing is looked at for `Retry-After` seconds, not even a right code.
    """

    code = "too_many_attempts"
    status = 429
    example = {"retry_after": 30}
