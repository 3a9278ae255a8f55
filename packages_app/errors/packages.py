"""Refusals of operations on a package."""

from __future__ import annotations

from common.refusals import Refusal


class UnknownPackage(Refusal):
    """There is no such package.

    Check its id. Packages of other couriers get the same answer.
    """

    code = "unknown_package"
    status = 404


class WrongStatus(Refusal):
    """The status of the package does not allow this.

    `package_status` is its current status: read the package, and decide again.
    """

    code = "wrong_status"
    example = {"package_status": "RETRIEVED"}

    def __init__(self, *, status: str) -> None:
        super().__init__(f"The package is {status}.", package_status=status)


class ChangedMeanwhile(Refusal):
    """The package has changed since you last read it.

    Read it again, and decide again.
    """

    code = "changed_meanwhile"


class ExtensionLimit(Refusal):
    """The hold period cannot be extended that far at this location.

    `latest` is the latest possible pickup deadline: extend by `hours` or less.
    """

    code = "extension_limit"
    example = {"latest": "2026-11-27T22:00:00Z", "hours": 96}


class NoDelegate(Refusal):
    """The package has no delegate.

    Name one first: `POST /packages/{id}/delegate`.
    """

    code = "no_delegate"


class NothingToResend(Refusal):
    """The recipient has no email address or phone number to send a code to.

    Tell them the code yourself, with a key that has the scope `codes:read`.
    """

    code = "no_recipient_address"
