"""Refusals of the courier's packages, whatever is to be done with them."""

from __future__ import annotations

from common.refusals import Refusal


class UnknownPackage(Refusal):
    """There is no such package.

    Look at its id; a package of another courier is answered in just the same way.
    """

    code = "unknown_package"
    status = 404


class WrongStatus(Refusal):
    """The package is in no status that allows this.

    `package_status` says how it stands: read the package, and decide again.
    """

    code = "wrong_status"
    example = {"package_status": "RETRIEVED"}

    def __init__(self, *, status: str) -> None:
        super().__init__(f"The package is {status}.", package_status=status)


class ChangedMeanwhile(Refusal):
    """The package has changed since it was looked at.

    Read it again, and decide again.
    """

    code = "changed_meanwhile"


class ExtensionLimit(Refusal):
    """The hold cannot be stretched that far at this location.

    `latest` is the last moment until which this location keeps it: ask for `hours` or fewer.
    """

    code = "extension_limit"
    example = {"latest": "2026-11-27T22:00:00Z", "hours": 96}


class NoDelegate(Refusal):
    """Nobody else was named who may collect the package.

    Name somebody first: `POST /packages/{id}/delegate`.
    """

    code = "no_delegate"


class NothingToResend(Refusal):
    """The recipient has no address that the portal could write to.

    Tell them yourself, with a key that has the scope `codes:read`.
    """

    code = "no_recipient_address"
