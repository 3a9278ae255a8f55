"""Every kind of message to a recipient or a delegate: one table.

Which event is told as which kind is `TOLD` in `lifecycle.py`; the texts are in
`templates/notifications/<kind>/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from packages_app.life.lifecycle import Status

# A lower number goes out first.
DEFAULT_PRIORITY = 5
# What lets somebody open a door that they may be standing at.
_URGENT = 1

_ANY = frozenset(Status)
_STORED = frozenset([Status.STORED])


@dataclass(frozen=True)
class Outdated:
    """A state of the package in which a message has nothing left to say, and the reason that staff read."""

    applies: Callable[[Any], bool]  # takes a Package; models import this module, not the reverse
    reason: str


_ON_HOLD = Outdated(lambda package: package.held_at is not None, "the package is on hold")
_RELEASED = Outdated(lambda package: package.held_at is None, "the package is no longer on hold")
_RESUMED = Outdated(lambda package: package.location.suspended_at is None, "the location has resumed")
_SUSPENDED = Outdated(
    lambda package: package.location.suspended_at is not None, "the location is suspended again"
)


@dataclass(frozen=True)
class Kind:
    """A kind of message.

    `title` is how managers read it. It is sent while its package is in one of `statuses`, unless one of
    `outdated` applies; `other_statuses` gives the reason that staff read where the status alone does not say
    it. `to_delegate`: the delegate gets it; `about_delegate`: it is sent because there is or was a delegate.
    `waited_for`: somebody asked for it just now or stands at the door, so it goes out in quiet hours too.
    `courtesy`: nobody needs it to pick up, so that people may do without it.
    """

    title: str
    statuses: frozenset[Status] = _ANY
    priority: int = DEFAULT_PRIORITY
    shows_code: bool = False
    waited_for: bool = False
    courtesy: bool = False
    to_delegate: bool = False
    about_delegate: bool = False
    outdated: tuple[Outdated, ...] = ()
    other_statuses: Mapping[Status, str] = field(default_factory=dict)


def _with_code(title: str, **more: Any) -> Kind:
    """Return a kind that shows the pickup code, which works while the package is STORED and not on hold."""
    return Kind(f"{title} (with code)", _STORED, shows_code=True, outdated=(_ON_HOLD,), **more)


KINDS: dict[str, Kind] = {
    "stored": _with_code("Ready for pickup", priority=_URGENT),
    "reminder": _with_code("Reminder"),
    "reminder_last": _with_code("Last reminder"),
    "code_renewed": _with_code("New pickup code", priority=_URGENT, waited_for=True),
    "extended": _with_code("Pickup deadline extended", priority=_URGENT),
    "door_failed": _with_code("Door did not open", priority=_URGENT, waited_for=True),
    "released": _with_code("No longer on hold", priority=_URGENT),
    "held": Kind("On hold", _STORED | {Status.EXPIRED}, outdated=(_RELEASED,)),
    "delegated": _with_code(
        "To the delegate: ready for pickup",
        priority=_URGENT,
        waited_for=True,
        to_delegate=True,
        about_delegate=True,
    ),
    "delegate_named": Kind("Delegate named", _STORED, about_delegate=True),
    "delegate_ended": Kind(
        "To the delegate: code no longer works",
        frozenset([Status.EXPIRED, Status.CANCELLED, Status.RETRIEVED, Status.RETURNED]),
        to_delegate=True,
        about_delegate=True,
        other_statuses={Status.STORED: "their code works again"},
    ),
    "location_suspended": Kind("Locker out of service", _STORED, outdated=(_ON_HOLD, _RESUMED)),
    "location_resumed": Kind("Locker back in service", _STORED, outdated=(_ON_HOLD, _SUSPENDED)),
    "expired": Kind(
        "Pickup deadline has passed",
        frozenset([Status.EXPIRED]),
        other_statuses={Status.STORED: "the hold was extended"},
    ),
    "retrieved": Kind(
        "Picked up",
        frozenset([Status.RETRIEVED]),
        courtesy=True,
        other_statuses={Status.STORED: "the door did not open"},
    ),
    "cancelled": Kind("Canceled"),
    "returned": Kind("Returned to the courier", courtesy=True),
}
_UNKNOWN = Kind("")


def kind_of(name: str) -> Kind:
    """Return the kind of this name; one without any rules if a message of another version has it."""
    return KINDS.get(name, _UNKNOWN)


def why_outdated(name: str, package: Any) -> str:
    """Return why a message of this kind has nothing left to say about the package; empty while it has."""
    kind, status = kind_of(name), Status(package.status)
    if status not in kind.statuses:
        return kind.other_statuses.get(status, f"the package is {status}")
    return next((outdated.reason for outdated in kind.outdated if outdated.applies(package)), "")
