"""Refusals of a pickup code that was entered at a kiosk."""

from __future__ import annotations

from common.refusals import Refusal


class UnknownCode(Refusal):
    """This code does not open any compartment at this location.

    It is wrong, has been used, or belongs to another location; all get the same answer. Let the recipient
    enter it again.
    """

    code = "unknown_code"
    status = 404


class CodeExpired(Refusal):
    """The hold period of this package has ended; please contact the courier.

    The door stays shut. The courier can extend the hold period; the same code then works again.
    """

    code = "expired"


class OnHold(Refusal):
    """The package is on hold; please contact the courier.

    The door stays shut until the courier releases the package; the same code then works again.
    """

    code = "on_hold"


class PhoneCheckRequired(Refusal):
    """The last four digits of the recipient's phone number are needed as well.

    Too many wrong codes were entered at this location today. Ask for the digits and send `phone_last4`.
    """

    code = "phone_check_required"
    status = 403


class TooManyAttempts(Refusal):
    """Too many wrong codes were entered at this kiosk; please wait.

    No code is accepted for `Retry-After` seconds, not even a correct one.
    """

    code = "too_many_attempts"
    status = 429
    example = {"retry_after": 30}
