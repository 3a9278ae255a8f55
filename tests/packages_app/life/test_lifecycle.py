"""The table of a package's life, and the one gate through which it is moved."""

from __future__ import annotations

from typing import Any

import pytest

from notifications.models import Notification
from packages_app.errors import WrongStatus
from packages_app.life.lifecycle import TRANSITIONS, Event, Status, allowed
from packages_app.models import Package
from packages_app.secrets import pickup_codes
from tests.world import NOW, UNTIL, door, make_courier, make_location, make_package

pytestmark = pytest.mark.django_db

# As architecture.md draws it: event, from, to. Written out, so that a change of the table is seen here.
DRAWN = {
    ("assigned", "", "PENDING"),
    ("opened", "PENDING", "PENDING"),
    ("deposited", "PENDING", "STORED"),
    ("reassigned", "PENDING", "PENDING"),
    ("reassigned", "STORED", "STORED"),
    ("retrieved", "STORED", "RETRIEVED"),
    ("expired", "STORED", "EXPIRED"),
    ("extended", "STORED", "STORED"),
    ("extended", "EXPIRED", "STORED"),
    ("cancelled", "PENDING", "CANCELLED"),
    ("cancelled", "STORED", "CANCELLED"),
    ("cancelled", "EXPIRED", "CANCELLED"),
    ("lapsed", "PENDING", "CANCELLED"),
    ("returned", "EXPIRED", "RETURNED"),
    ("returned", "CANCELLED", "RETURNED"),
    ("code_renewed", "STORED", "STORED"),
    ("door_failed", "RETRIEVED", "STORED"),
    ("held", "PENDING", "PENDING"),
    ("held", "STORED", "STORED"),
    ("held", "EXPIRED", "EXPIRED"),
    ("released", "PENDING", "PENDING"),
    ("released", "STORED", "STORED"),
    ("released", "EXPIRED", "EXPIRED"),
    ("delegated", "STORED", "STORED"),
    ("delegate_renewed", "STORED", "STORED"),
    ("delegate_removed", "STORED", "STORED"),
    ("delegate_removed", "EXPIRED", "EXPIRED"),
    ("found", "CANCELLED", "STORED"),
    ("found_taken_out", "CANCELLED", "RETURNED"),
    ("hold_stopped", "STORED", "STORED"),
    ("hold_stopped", "EXPIRED", "STORED"),
    ("location_suspended", "STORED", "STORED"),
    ("location_suspended", "EXPIRED", "STORED"),
    ("location_resumed", "STORED", "STORED"),
    ("location_resumed", "EXPIRED", "STORED"),
}
TOLD = {
    ("deposited", "PENDING"): "stored",
    ("retrieved", "STORED"): "retrieved",
    ("expired", "STORED"): "expired",
    ("cancelled", "STORED"): "cancelled",
    ("cancelled", "EXPIRED"): "cancelled",
    ("returned", "EXPIRED"): "returned",
    ("code_renewed", "STORED"): "code_renewed",
    ("extended", "EXPIRED"): "extended",
    ("door_failed", "RETRIEVED"): "door_failed",
    ("found", "CANCELLED"): "stored",
    ("held", "STORED"): "held",
    ("released", "STORED"): "released",
    ("location_suspended", "STORED"): "location_suspended",
    ("location_suspended", "EXPIRED"): "location_suspended",
    ("location_resumed", "STORED"): "location_resumed",
    ("location_resumed", "EXPIRED"): "location_resumed",
    ("delegated", "STORED"): "delegate_named",
}
MOVES = [(event, before, after) for event in Event for before in Status for after in Status]


def test_the_table_is_the_picture() -> None:
    table = {(str(event), str(a), str(b)) for event, moves in TRANSITIONS.items() for a, b in moves.items()}
    assert table == DRAWN


@pytest.mark.parametrize(("event", "before", "after"), MOVES)
def test_allowed_says_what_the_table_says(event: Event, before: Status, after: Status) -> None:
    assert allowed(before, after, event) == ((str(event), str(before), str(after)) in DRAWN)


def fields_for(package: Package, after: Status) -> dict[str, Any]:
    """What the row must hold to be `after`."""
    code = pickup_codes.issue(package.pk, package.location_id)
    ended = after in (Status.RETRIEVED, Status.RETURNED)
    return {
        "reserved_until": NOW if after == Status.PENDING else None,
        "stored_at": None if after == Status.PENDING else package.stored_at or NOW,
        "expires_at": None if after == Status.PENDING else package.expires_at or UNTIL,
        "retrieved_at": NOW if after == Status.RETRIEVED else None,
        "cancelled_at": NOW if after == Status.CANCELLED else None,
        "returned_at": NOW if after == Status.RETURNED else None,
        "released_at": NOW if ended else None,
        "code_mac": code.mac if after in (Status.STORED, Status.EXPIRED) else None,
    }


@pytest.mark.parametrize(("event", "before"), [(event, before) for event in Event for before in Status])
def test_only_drawn_moves_pass_the_gate(event: Event, before: Status) -> None:
    package = make_package(make_courier(), door(make_location(small=1), "S1"), before)
    for after in Status:
        row = Package.objects.get(pk=package.pk)
        kept = Package.objects.filter(pk=package.pk).values().get()
        if (event, before, after) in DRAWN:
            continue
        with pytest.raises(WrongStatus) as refused:
            row.move_to(after, event=event, by="somebody", **fields_for(row, after))
        assert refused.value.facts == {"package_status": before}
        assert Package.objects.filter(pk=package.pk).values().get() == kept
        assert not row.events.exists()
        assert not Notification.objects.exists()


@pytest.mark.parametrize(("event", "before", "after"), sorted(DRAWN - {("assigned", "", "PENDING")}))
def test_a_drawn_move_writes_row_history_and_messages(event: str, before: str, after: str) -> None:
    package = make_package(make_courier(), door(make_location(small=1), "S1"), Status(before))
    updated_at = package.updated_at
    package.move_to(
        Status(after), event=Event(event), by="somebody", reason="why", **fields_for(package, Status(after))
    )
    stored = Package.objects.get(pk=package.pk)
    assert stored.status == after
    assert stored.updated_at > updated_at
    line = stored.events.get()
    assert (line.event, line.from_status, line.to_status, line.by, line.reason) == (
        event,
        before,
        after,
        "somebody",
        "why",
    )
    assert line.compartment_id == (stored.compartment_id if stored.holds_door else None)
    told = Notification.objects.order_by("channel").values_list("kind", "channel", "subject", "dedup_key")
    kind = TOLD.get((event, before))
    expected = [
        (kind, channel, f"package:{package.pk}", f"event:{line.pk}:{channel}") for channel in ("email", "sms")
    ]
    assert list(told) == (expected if kind else [])


def test_two_events_in_one_transaction_have_the_clock_of_their_own_moment() -> None:
    """Not the start of the transaction: overlaps that never happened would stand in the history."""
    package = make_package(make_courier(), door(make_location(small=1), "S1"), Status.STORED)
    for _ in range(2):
        package.move_to(Status.STORED, event=Event.REASSIGNED, by="somebody")
    first, second = package.events.order_by("id")
    assert first.at < second.at
