"""Every kind of message to a recipient: in which statuses it is true, and whether it shows the code."""

from __future__ import annotations

from dataclasses import dataclass

from packages_app.life.lifecycle import Status

_ANY = frozenset(Status)
_STORED = frozenset([Status.STORED])


@dataclass(frozen=True)
class Kind:
    """A message is sent while its package is in one of `statuses`; later its reason has gone.

    `waited_for`: somebody asked for it just now or stands at the door, so it goes out in quiet hours too.
    `courtesy`: nobody needs it to collect, so that people may do without it.
    """

    statuses: frozenset[Status] = _ANY
    shows_code: bool = False
    waited_for: bool = False
    courtesy: bool = False


KINDS: dict[str, Kind] = {
    "stored": Kind(_STORED, shows_code=True),
    "reminder": Kind(_STORED, shows_code=True),
    "reminder_last": Kind(_STORED, shows_code=True),
    "code_renewed": Kind(_STORED, shows_code=True, waited_for=True),
    "extended": Kind(_STORED, shows_code=True),
    "door_failed": Kind(_STORED, shows_code=True, waited_for=True),
    "released": Kind(_STORED, shows_code=True),
    "held": Kind(_STORED | {Status.EXPIRED}),
    "delegated": Kind(_STORED, shows_code=True, waited_for=True),
    "delegate_named": Kind(_STORED),
    "delegate_ended": Kind(frozenset([Status.EXPIRED, Status.CANCELLED, Status.RETRIEVED, Status.RETURNED])),
    "location_suspended": Kind(_STORED),
    "location_resumed": Kind(_STORED),
    "expired": Kind(frozenset([Status.EXPIRED])),
    "retrieved": Kind(frozenset([Status.RETRIEVED]), courtesy=True),
    "cancelled": Kind(),
    "returned": Kind(courtesy=True),
}
