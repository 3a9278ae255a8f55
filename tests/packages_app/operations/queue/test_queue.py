"""The queue of a full location: who waits, who is next, who gets a door, and who waited in vain."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any, cast

import pytest
from django.db import IntegrityError, transaction

from lockers.models import Compartment, Location, Size
from notifications.messages import Message
from notifications.models import Notification
from packages_app import operations
from packages_app.core.actor import Actor
from packages_app.errors import (
    DuplicateTrackingNumber,
    LocationFull,
    LocationSuspended,
    NotWaiting,
    UnknownQueueEntry,
)
from packages_app.invariants import INVARIANTS
from packages_app.invariants.audit import check
from packages_app.life.lifecycle import Status
from packages_app.messaging import webhooks
from packages_app.models import Courier, Package, QueueEntry, Recipient
from packages_app.operations.packages.reassign import Reason
from packages_app.rules import queueing
from tests.packages_app.operations.looking import history, row, state, told
from tests.world import NOW, door, make_courier, make_location, make_package, make_webhook

pytestmark = pytest.mark.django_db

Waiting = QueueEntry.Status
LATER = NOW + timedelta(minutes=16)


@pytest.fixture
def full() -> Location:
    """Two doors of each size, all of them taken."""
    location = make_location("FULL-1")
    Compartment.objects.filter(location=location).update(occupancy="unverified")
    return location


def somebody() -> Recipient:
    """Not saved yet."""
    return Recipient(name="Mari", email="mari@example.com", phone="+3725551234")


def ask(by: Actor, location: Location, number: str, size: Size = Size.SMALL, **more: Any) -> Any:
    """A drop-off that waits where it must: what came of it."""
    return operations.assign_or_wait(
        by=by,
        now=more.pop("now", NOW),
        location=location.code,
        tracking_number=number,
        size=size,
        recipient=somebody(),
        **more,
    )


def free(location: Location, *labels: str) -> None:
    """Somebody has looked into these: they are empty."""
    Compartment.objects.filter(location=location, label__in=labels).update(occupancy="empty")


def entry(number: str) -> QueueEntry:
    """As it stands in the database."""
    return QueueEntry.objects.select_related("package__compartment", "location").get(tracking_number=number)


def given(number: str) -> str | None:
    """The door that it was given."""
    package = entry(number).package
    return None if package is None else package.compartment.label


def sound() -> None:
    """The audit finds nothing, but for what asks the real clock."""
    not_here = ("I3-door", "I10", "I14", "I23-end")  # doors are freed here by hand; the clock is not this one
    findings = [check(one) for one in INVARIANTS if one.id not in not_here]
    assert not [(one.invariant.id, one.rows) for one in findings if one.rows]


def test_where_there_is_room_nobody_waits(by: Actor, location: Location) -> None:
    assigned = ask(by, location, "T-1")
    assert assigned.package.status == Status.STORED
    assert not QueueEntry.objects.exists()


def test_a_full_location_has_a_queue(by: Actor, full: Location) -> None:
    for number, position in (("T-1", 1), ("T-2", 2), ("T-3", 3)):
        waits = ask(by, full, number, wait_for=timedelta(hours=2), keep_minutes=5)
        assert (waits.status, waits.position) == (Waiting.WAITING, position)
        assert waits.expires_at == NOW + timedelta(hours=2)
    assert [one.position for one in QueueEntry.objects.with_position()] == [1, 2, 3]
    assert not Package.objects.exists()
    assert Recipient.objects.count() == 3
    sound()


def test_a_queue_of_another_location_does_not_count(by: Actor, full: Location) -> None:
    other = make_location("FULL-2", small=1, medium=0, large=0)
    Compartment.objects.filter(location=other).update(occupancy="unverified")
    ask(by, full, "T-1")
    assert ask(by, other, "T-2").position == 1


def test_the_first_gets_the_door(by: Actor, full: Location) -> None:
    for number in ("T-1", "T-2"):
        ask(by, full, number, keep_minutes=15)
    assert operations.grant_due(now=NOW) == 0
    free(full, "S1")
    assert operations.grant_due(now=NOW) == 1
    assert operations.grant_due(now=NOW) == 0
    first = entry("T-1")
    assert first.status == Waiting.GRANTED
    assert first.recipient is None
    assert first.position is None
    package = first.package
    assert package is not None
    assert (package.status, package.reserved_until) == (Status.PENDING, NOW + timedelta(minutes=15))
    assert (package.reports_opening, package.opened_at) == (True, None)
    assert package.recipient.email == "mari@example.com"
    assert history(package) == [("assigned", "", "PENDING", "system", "was first in the queue")]
    assert told(package) == []
    assert state(door(full, "S1"))[0] == "reserved"
    assert (entry("T-2").status, entry("T-2").position) == (Waiting.WAITING, 1)
    sound()


def test_what_does_not_fit_is_skipped(by: Actor, full: Location) -> None:
    ask(by, full, "T-1", Size.LARGE)
    ask(by, full, "T-2", Size.MEDIUM)
    ask(by, full, "T-3", Size.SMALL)
    free(full, "S1")
    assert operations.grant_due(now=NOW) == 1
    assert given("T-3") == "S1"
    free(full, "L1", "M1")
    assert operations.grant_due(now=NOW) == 2
    assert (given("T-1"), given("T-2")) == ("L1", "M1")
    sound()


def test_the_best_door_for_the_first(by: Actor, full: Location) -> None:
    ask(by, full, "T-1", Size.SMALL)
    ask(by, full, "T-2", Size.LARGE)
    free(full, "S2", "L2")
    assert operations.grant_due(now=NOW) == 2
    assert (given("T-1"), given("T-2")) == ("S2", "L2")


def test_a_small_one_that_came_first_may_have_a_large_door(by: Actor, full: Location) -> None:
    ask(by, full, "T-1", Size.SMALL)
    ask(by, full, "T-2", Size.LARGE)
    free(full, "L1")
    assert operations.grant_due(now=NOW) == 1
    assert (given("T-1"), given("T-2")) == ("L1", None)


def test_the_strategy_of_the_location_says_what_fits(by: Actor) -> None:
    location = make_location("EXACT", strategy="first_available")
    Compartment.objects.update(occupancy="unverified")
    ask(by, location, "T-1", Size.SMALL)
    ask(by, location, "T-2", Size.MEDIUM)
    free(location, "L1")
    assert operations.grant_due(now=NOW) == 0
    free(location, "M1")
    assert operations.grant_due(now=NOW) == 1
    assert given("T-2") == "M1"


def test_within_reach_or_not_at_all(by: Actor, full: Location) -> None:
    Compartment.objects.filter(location=full, label="S2").update(accessible=True)
    ask(by, full, "T-1", accessible=True)
    ask(by, full, "T-2")
    free(full, "S1")
    assert operations.grant_due(now=NOW) == 1
    assert (given("T-1"), given("T-2")) == (None, "S1")
    free(full, "S2")
    assert operations.grant_due(now=NOW) == 1
    assert given("T-1") == "S2"


def test_no_door_is_given_out_of_service_or_at_a_suspended_location(by: Actor, full: Location) -> None:
    ask(by, full, "T-1")
    free(full, "S1")
    Compartment.objects.filter(label="S1").update(out_of_service_at=NOW, out_of_service_reason="hinge")
    assert operations.grant_due(now=NOW) == 0
    Compartment.objects.filter(label="S1").update(out_of_service_at=None, out_of_service_reason="")
    full.suspend(reason="flood", now=NOW)
    assert operations.grant_due(now=NOW) == operations.grant_due(now=NOW, location_id=full.pk) == 0
    assert entry("T-1").status == Waiting.WAITING
    with pytest.raises(LocationSuspended):
        ask(by, full, "T-2")
    full.resume()
    assert operations.grant_due(now=NOW) == 1


@pytest.mark.parametrize("opened", [False, True])
def test_the_next_gets_the_door_when_the_reservation_lapses(by: Actor, full: Location, opened: bool) -> None:
    ask(by, full, "T-1", keep_minutes=15)
    ask(by, full, "T-2")
    free(full, "S1")
    operations.grant_due(now=NOW)
    package = entry("T-1").package
    assert package is not None
    if opened:
        operations.open_door(package_id=package.pk, by=by, now=NOW)
    assert operations.lapse_due(now=LATER) == 1
    assert row(package).status == Status.CANCELLED
    assert operations.grant_due(now=LATER) == (0 if opened else 1)
    assert given("T-2") == (None if opened else "S1")
    assert state(door(full, "S1"))[0] == ("unverified" if opened else "reserved")
    assert entry("T-1").status == Waiting.GRANTED
    sound()


def test_it_is_opened_and_deposited_as_any_other(by: Actor, full: Location) -> None:
    ask(by, full, "T-1")
    free(full, "S1")
    operations.grant_due(now=NOW)
    package = entry("T-1").package
    assert package is not None
    operations.open_door(package_id=package.pk, by=by, now=NOW)
    operations.deposit(package_id=package.pk, by=by, now=NOW)
    assert told(package) == [("stored", "email"), ("stored", "sms")]
    sound()


# --- Nobody is overtaken ----------------------------------------------------------------------------------


def test_who_did_not_wait_gets_no_door_that_somebody_waits_for(
    by: Actor, full: Location, stranger: Actor
) -> None:
    """The queue is served first, even before its job has run; what is left may be taken."""
    ask(by, full, "T-1")
    free(full, "S1")
    with pytest.raises(LocationFull):
        operations.assign(
            by=stranger,
            now=NOW,
            location=full.code,
            tracking_number="J-1",
            size=Size.SMALL,
            recipient=somebody(),
        )
    assert given("T-1") is None or given("T-1") == "S1"
    free(full, "S2")
    operations.grant_due(now=NOW)
    assert given("T-1") is not None
    assigned = operations.assign(
        by=stranger,
        now=NOW,
        location=full.code,
        tracking_number="J-2",
        size=Size.SMALL,
        recipient=somebody(),
    )
    assert assigned.label in ("S1", "S2")
    assert assigned.label != given("T-1")


def test_a_door_that_fits_nobody_who_waits_is_free_for_all(
    by: Actor, full: Location, stranger: Actor
) -> None:
    ask(by, full, "T-1", Size.LARGE)
    free(full, "S1")
    assert ask(stranger, full, "J-1").label == "S1"
    assert ask(stranger, full, "J-2").position == 2


def test_more_free_doors_than_waiting(by: Actor, full: Location, stranger: Actor) -> None:
    """No false "full": the queue gets one, who comes now the other."""
    ask(by, full, "T-1")
    free(full, "S1", "S2")
    assert ask(stranger, full, "J-1").label == "S2"
    assert given("T-1") == "S1"


def test_a_parcel_in_hand_goes_first(by: Actor, courier: Courier, full: Location) -> None:
    """Its courier stands before a door that will not do: it has waited its turn already."""
    package = make_package(courier, door(full, "M1"), Status.STORED)
    ask(by, full, "T-1")
    free(full, "S1", "M2")
    operations.reassign(package_id=package.pk, by=by, now=NOW, reason=Reason.DAMAGED)
    assert row(package).compartment.label == "M2"


def test_who_waits_is_not_overtaken_by_who_waits_behind(by: Actor, full: Location) -> None:
    ask(by, full, "T-1")
    ask(by, full, "T-2")
    free(full, "S1")
    assert [one.label for one in queueing.doors_of(entry("T-1"))] == ["S1"]
    assert not queueing.doors_of(entry("T-2")).exists()


# --- Twice ------------------------------------------------------------------------------------------------


def test_a_number_waits_once(by: Actor, full: Location, stranger: Actor) -> None:
    first = ask(by, full, "T-1")
    with pytest.raises(DuplicateTrackingNumber) as refused:
        ask(by, full, "T-1")
    assert refused.value.facts == {"queue_id": str(first.pk)}
    assert ask(stranger, full, "T-1").position == 2  # another courier's own number


def test_what_holds_a_door_does_not_wait(by: Actor, courier: Courier, full: Location) -> None:
    package = make_package(courier, door(full, "M1"), tracking_number="T-1")
    with pytest.raises(DuplicateTrackingNumber) as refused:
        ask(by, full, "T-1")
    assert refused.value.facts == {"package_id": str(package.pk)}
    assert not QueueEntry.objects.exists()


def test_what_found_a_door_elsewhere_no_longer_waits(by: Actor, full: Location, location: Location) -> None:
    ask(by, full, "T-1")
    ask(by, full, "T-2")
    operations.assign(
        by=by,
        now=NOW,
        location=location.code,
        tracking_number="T-1",
        size=Size.SMALL,
        recipient=somebody(),
    )
    free(full, "S1")
    assert operations.grant_due(now=NOW) == 1
    assert (entry("T-1").status, given("T-2")) == (Waiting.LEFT, "S1")
    assert Recipient.objects.count() == 2
    sound()


def test_it_may_come_again_after_it_was_cancelled(by: Actor, full: Location) -> None:
    ask(by, full, "T-1")
    free(full, "S1")
    operations.grant_due(now=NOW)
    package = entry("T-1").package
    assert package is not None
    operations.cancel(package_id=package.pk, by=by, now=NOW)
    assert ask(by, full, "T-1").label == "S1"


# --- Leaving, and waiting in vain -------------------------------------------------------------------------


def test_leave(by: Actor, full: Location) -> None:
    waits = ask(by, full, "T-1")
    for _ in range(2):
        left = operations.leave_queue(entry_id=waits.pk, by=by, now=NOW)
        assert left.status == Waiting.LEFT
    assert not Recipient.objects.exists()
    free(full, "S1")
    assert operations.grant_due(now=NOW) == 0
    assert ask(by, full, "T-1").label == "S1"


def test_leave_is_for_who_waits(by: Actor, full: Location) -> None:
    waits = ask(by, full, "T-1")
    free(full, "S1")
    operations.grant_due(now=NOW)
    with pytest.raises(NotWaiting) as refused:
        operations.leave_queue(entry_id=waits.pk, by=by, now=NOW)
    assert refused.value.facts == {"queue_status": "GRANTED", "package_id": str(entry("T-1").package_id)}
    assert row(Package.objects.get()).status == Status.PENDING


def test_a_stranger_s_place_and_a_missing_one(by: Actor, full: Location, stranger: Actor) -> None:
    waits = ask(by, full, "T-1")
    bound = Actor("courier:dpd", courier_id=by.courier_id, location_ids=frozenset([full.pk + 1]))
    for who, pk in ((stranger, waits.pk), (bound, waits.pk), (by, uuid.uuid4())):
        with pytest.raises(UnknownQueueEntry):
            operations.leave_queue(entry_id=pk, by=who, now=NOW)
    assert entry("T-1").status == Waiting.WAITING


def test_who_waited_in_vain(by: Actor, full: Location) -> None:
    ask(by, full, "T-1", wait_for=timedelta(hours=1))
    ask(by, full, "T-2", wait_for=timedelta(hours=3))
    free(full, "S1")
    over = NOW + timedelta(hours=1)
    assert operations.grant_due(now=over) == 1
    assert (entry("T-1").status, given("T-2")) == (Waiting.EXPIRED, "S1")
    assert entry("T-1").ended_at is not None
    assert Recipient.objects.count() == 1  # the package's
    with pytest.raises(NotWaiting):
        operations.leave_queue(entry_id=entry("T-1").pk, by=by, now=over)
    sound()


def test_where_it_can_never_fit_it_does_not_wait(by: Actor) -> None:
    location = make_location("SMALL-1", small=1, medium=0, large=0)
    Compartment.objects.update(occupancy="unverified")
    with pytest.raises(LocationFull):
        ask(by, location, "T-1", Size.MEDIUM)
    with pytest.raises(LocationFull):
        ask(by, location, "T-1", accessible=True)
    assert not QueueEntry.objects.exists()
    assert not Recipient.objects.exists()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("queueentry_ended_pair", {"status": "LEFT"}),
        ("queueentry_ended_pair", {"recipient": None}),
        ("queueentry_ended_pair", {"status": "GONE", "ended_at": NOW, "recipient": None}),
        ("queueentry_granted_pair", {"status": "GRANTED", "ended_at": NOW, "recipient": None}),
        ("queueentry_size", {"size": max(Size) + 1}),
    ],
)
def test_a_place_of_two_minds_is_refused(
    by: Actor, full: Location, name: str, changes: dict[str, Any]
) -> None:
    ask(by, full, "T-1")
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        QueueEntry.objects.update(**changes)
    assert name in str(error.value)


def test_the_queue_sees_what_each_may_see(by: Actor, full: Location, stranger: Actor) -> None:
    ask(by, full, "T-1")
    here = Actor("kiosk:x", location_id=full.pk)
    assert [actor_.queue_entries().count() for actor_ in (by, stranger, here)] == [1, 0, 1]


# --- The courier's endpoint ---------------------------------------------------------------------------------


def posted() -> list[tuple[str, dict[str, Any]]]:
    """Type and data of what is posted to endpoints, in order."""
    rows = list(Notification.objects.filter(channel="webhook").order_by("id"))
    composed = webhooks.compose(rows)
    bodies = []
    for notification in rows:
        message = composed[notification.pk]
        assert isinstance(message, Message)
        bodies.append(json.loads(cast(bytes, message.context["body"])))
    return [(body["type"], body["data"]) for body in bodies]


def test_a_door_is_theirs_until(by: Actor, courier: Courier, full: Location) -> None:
    make_webhook(courier)
    make_webhook(make_courier("ups"))
    waits = ask(by, full, "T-1", keep_minutes=20)
    free(full, "S1")
    operations.grant_due(now=NOW)
    ((kind, data),) = posted()
    assert kind == "package.queued_door"
    assert data["id"] == str(entry("T-1").package_id)
    assert (data["queue_id"], data["status"]) == (str(waits.pk), "PENDING")
    assert data["reserved_until"] == "2026-11-20T12:20:00Z"
    assert data["compartment"]["label"] == "S1"


def test_waited_in_vain_is_told_once(by: Actor, courier: Courier, full: Location) -> None:
    make_webhook(courier)
    waits = ask(by, full, "T-1", wait_for=timedelta(hours=1))
    for _ in range(2):
        operations.grant_due(now=NOW + timedelta(hours=1))
    ((kind, data),) = posted()
    assert kind == "queue.expired"
    assert data == {
        "queue_id": str(waits.pk),
        "tracking_number": "T-1",
        "location": "FULL-1",
        "status": "EXPIRED",
    }


def test_who_leaves_knows_it(by: Actor, courier: Courier, full: Location) -> None:
    make_webhook(courier)
    waits = ask(by, full, "T-1")
    operations.leave_queue(entry_id=waits.pk, by=by, now=NOW)
    assert posted() == []
