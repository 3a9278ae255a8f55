"""The audit finds nothing in an honest history, and each thing that must never be, once it is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError, connection, transaction

from lockers import service
from lockers.clock import database_now
from lockers.models import Compartment, Downtime, Location, Size
from notifications import quiet
from notifications.models import Notification
from packages_app import operations
from packages_app.access import SYSTEM
from packages_app.invariants import INVARIANTS, audit
from packages_app.models import Delegate, IdempotencyKey, Package, QueueEntry, Recipient
from packages_app.operations.found import Outcome
from packages_app.operations.pick_up import Typed
from packages_app.operations.reassign import Reason
from tests import world

BY_ID = {invariant.id: invariant for invariant in INVARIANTS}
World = SimpleNamespace
Spoil = Callable[[World], None]


def sql(statement: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def without(table: str, *constraints: str) -> None:
    """Drop what keeps the wrong row out; the test's transaction brings it back."""
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    for constraint in constraints:
        sql(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{constraint}"')
        sql(f'DROP INDEX IF EXISTS "{constraint}"')


def without_append_only() -> None:
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("ALTER TABLE packages_app_packageevent DISABLE TRIGGER packageevent_append_only")


PACKAGE, EVENT = "packages_app_package", "packages_app_packageevent"
DOOR, MESSAGE = "lockers_compartment", "notifications_notification"


def live() -> World:
    """Every operation, once or more, through the operations themselves."""
    now = database_now()
    place = world.make_location(small=8, medium=6, large=2)
    full = world.make_location("FULL-1", small=1, medium=0, large=0)
    courier = world.make_courier()
    by, kiosk = world.actor(courier), world.caller(world.make_kiosk(place))
    hook = world.make_webhook(courier, opened_at=now - timedelta(hours=1))

    def bring(number: str, *, deposited: bool = True) -> Package:
        recipient = Recipient(name="Mari", email="mari@example.com", phone="+3725551234")
        result = operations.assign(
            by=by,
            now=now,
            location=place.code,
            tracking_number=number,
            size=Size.SMALL,
            recipient=recipient,
            deposited=deposited,
        )
        return Package.objects.get(pk=result.package.pk)

    stored, pending = bring("STORED"), bring("PENDING", deposited=False)
    collected = bring("COLLECTED")
    operations.pick_up(by=kiosk, now=now, typed=Typed(code=world.code_of(collected)))
    operations.reassign(package_id=stored.pk, by=by, now=now, reason=Reason.DOOR_STUCK)
    operations.resend_code(package_id=stored.pk, by=by, now=now)
    lapsed = bring("LAPSED", deposited=False)
    Package.objects.filter(pk=lapsed.pk).update(reserved_until=now - timedelta(seconds=5))
    assert operations.lapse(now=now) == 1
    expired, returned, extended = bring("EXPIRED"), bring("RETURNED"), bring("EXTENDED")
    overdue = Package.objects.filter(pk__in=[expired.pk, returned.pk, extended.pk])
    overdue.update(expires_at=now - timedelta(seconds=5))
    assert operations.expire(now=now) == 3
    operations.return_to_courier(package_id=returned.pk, by=by, now=now)
    operations.extend(package_id=extended.pk, by=by, now=now, hours=24)
    cancelled, confirmed = bring("CANCELLED"), bring("CONFIRMED", deposited=False)
    operations.cancel(package_id=cancelled.pk, by=by, now=now)
    operations.deposit(package_id=confirmed.pk, by=by, now=now)
    dropped = bring("DROPPED", deposited=False)
    operations.cancel(package_id=dropped.pk, by=by, now=now)
    service.confirm_empty(
        compartments=Compartment.objects.all(), compartment_id=dropped.compartment_id, by="manager:a"
    )
    held, released = bring("HELD"), bring("RELEASED")
    for package in (held, released):
        operations.hold(package_id=package.pk, by=by, now=now)
    operations.release(package_id=released.pk, by=by, now=now)
    operations.pick_up(by=kiosk, now=now, typed=Typed(code=world.code_of(released)))
    delegated, fetched, removed = bring("DELEGATED"), bring("FETCHED"), bring("REMOVED")
    for package in (delegated, fetched, removed):
        for name in ("Juhan", "Jaan"):
            delegate = Delegate(name=name, phone="+3725559876")
            operations.name_delegate(package_id=package.pk, by=by, now=now, delegate=delegate)
        operations.resend_delegate_code(package_id=package.pk, by=by, now=now)
    operations.pick_up(by=kiosk, now=now, typed=Typed(code=world.delegate_code_of(fetched)))
    operations.remove_delegate(package_id=removed.pk, by=by, now=now)
    bring("NEXT")
    places = Location.objects.all()
    for hours in (1, 3):
        at = now + timedelta(hours=hours)
        operations.suspend_location(locations=places, location_id=place.pk, by=SYSTEM, now=at, reason="storm")
        operations.resume_location(
            locations=places, location_id=place.pk, by=SYSTEM, now=at + timedelta(hours=1)
        )
    found = bring("FOUND", deposited=False)
    operations.open_door(package_id=found.pk, by=by, now=now)
    operations.cancel(package_id=found.pk, by=by, now=now)
    operations.found(package_id=found.pk, by=by, now=now, outcome=Outcome.STAYS)
    for number in ("QUEUE-0", "QUEUE-1", "QUEUE-2", "QUEUE-3", "QUEUE-4"):
        operations.assign_or_wait(
            by=by,
            now=now,
            location=full.code,
            tracking_number=number,
            size=Size.SMALL,
            recipient=Recipient(name="Mari", email="mari@example.com"),
            deposited=False,
            opened=False,
            wait_for=timedelta(hours=1 if number == "QUEUE-2" else 5),
        )
    waiting = {entry.tracking_number: entry for entry in QueueEntry.objects.waiting()}
    operations.leave_queue(entry_id=waiting["QUEUE-3"].pk, by=by, now=now)
    operations.cancel(package_id=Package.objects.get(tracking_number="QUEUE-0").pk, by=by, now=now)
    assert operations.grant(now=now) == 1
    assert operations.grant(now=now + timedelta(hours=2)) == 0
    return World(
        now=now, place=place, stored=stored, pending=pending, collected=collected, expired=expired,
        returned=returned, cancelled=cancelled, released=released, delegated=delegated, by=by, hook=hook,
    )  # fmt: skip


@pytest.fixture
def lived(db: None) -> World:
    return live()


def test_an_honest_history_has_no_violations(lived: World) -> None:
    assert {status for (status,) in Package.objects.values_list("status")} == set(Package.Status)
    assert [audit.check(invariant).rows for invariant in INVARIANTS] == [[] for _ in INVARIANTS]


def two_in_one_door(w: World) -> None:
    without(PACKAGE, "package_one_per_compartment")
    sql(f"UPDATE {PACKAGE} SET compartment_id = %s WHERE id = %s", w.pending.compartment_id, w.expired.pk)


def overlapping_stints(w: World) -> None:
    door = w.collected.compartment_id
    sql(
        f"INSERT INTO {EVENT} (package_id, event, from_status, to_status, by, compartment_id, at)"
        " SELECT %s, 'reassigned', 'EXPIRED', 'EXPIRED', 'x', %s, min(at) + interval '1 microsecond'"
        f" FROM {EVENT} WHERE compartment_id = %s",
        w.expired.pk,
        door,
        door,
    )


def too_small_a_door(w: World) -> None:
    Package.objects.filter(pk=w.expired.pk).update(size=Size.LARGE)


def another_location(w: World) -> None:
    elsewhere = world.make_location("RIX-1", small=1, medium=0, large=0)
    Package.objects.filter(pk=w.returned.pk).update(location=elsewhere)


def door_left_held(w: World) -> None:
    Compartment.objects.filter(pk=w.collected.compartment_id).update(occupancy="occupied")
    Package.objects.filter(compartment_id=w.collected.compartment_id, released_at=None).update(
        compartment=Compartment.objects.free().filter(location=w.place).earliest("position")
    )


def door_given_away(w: World) -> None:
    Compartment.objects.filter(pk=w.expired.compartment_id).update(occupancy="empty")


def reserved_door_looks_occupied(w: World) -> None:
    Compartment.objects.filter(pk=w.pending.compartment_id).update(occupancy="occupied")


def history_names_another_door(w: World) -> None:
    free = Compartment.objects.free().filter(location=w.place).earliest("position")
    Compartment.objects.filter(pk=w.expired.compartment_id).update(occupancy="empty")
    Compartment.objects.filter(pk=free.pk).update(occupancy="occupied")
    Package.objects.filter(pk=w.expired.pk).update(compartment=free)


def broken_door_given_out(w: World) -> None:
    door = Compartment.objects.free().filter(location=w.place).earliest("position")
    service.take_out_of_service(
        compartments=Compartment.objects.all(), compartment_id=door.pk, by="x", reason="stuck", now=w.now
    )
    sql(
        f"INSERT INTO {EVENT} (package_id, event, from_status, to_status, by, compartment_id)"
        " VALUES (%s, 'reassigned', 'EXPIRED', 'EXPIRED', 'x', %s)",
        w.expired.pk,
        door.pk,
    )


def door_of_no_known_state(w: World) -> None:
    without(DOOR, "compartment_occupancy")
    sql(f"UPDATE {DOOR} SET occupancy = 'lost' WHERE id = %s", w.collected.compartment_id)


def same_tracking_number(w: World) -> None:
    without(PACKAGE, "package_tracking_number_once")
    Package.objects.filter(pk=w.expired.pk).update(tracking_number=w.pending.tracking_number)


def status_without_history(w: World) -> None:
    without(PACKAGE, "package_cancelled_pair")
    Package.objects.filter(pk=w.cancelled.pk).update(status="EXPIRED", cancelled_at=None, code_mac=b"0" * 32)


def no_history_at_all(w: World) -> None:
    without_append_only()
    sql(f"DELETE FROM {EVENT} WHERE package_id = %s", w.expired.pk)


def forbidden_transition(w: World) -> None:
    without_append_only()
    sql(f"UPDATE {EVENT} SET event = 'retrieved' WHERE package_id = %s AND event = 'expired'", w.expired.pk)


def torn_chain(w: World) -> None:
    without_append_only()
    sql(f"DELETE FROM {EVENT} WHERE package_id = %s AND event = 'deposited'", w.expired.pk)


def clock_turned_back(w: World) -> None:
    without_append_only()
    sql(
        f"UPDATE {EVENT} SET at = at - interval '1 hour' WHERE package_id = %s AND event = 'expired'",
        w.expired.pk,
    )


def collected_twice(w: World) -> None:
    sql(
        f"INSERT INTO {EVENT} (package_id, event, from_status, to_status, by)"
        " VALUES (%s, 'retrieved', 'STORED', 'RETRIEVED', 'x')",
        w.collected.pk,
    )


def time_without_status(w: World) -> None:
    without(PACKAGE, "package_retrieved_pair")
    Package.objects.filter(pk=w.expired.pk).update(retrieved_at=w.now)


def nobody_did_it(w: World) -> None:
    without_append_only()
    sql(f"UPDATE {EVENT} SET by = '' WHERE package_id = %s AND event = 'expired'", w.expired.pk)


def forgotten_reservation(w: World) -> None:
    Package.objects.filter(pk=w.pending.pk).update(reserved_until=w.now - timedelta(seconds=90))


def forgotten_hold(w: World) -> None:
    Package.objects.filter(pk=w.stored.pk).update(expires_at=w.now - timedelta(minutes=6))


def key_without_answer(w: World) -> None:
    IdempotencyKey.objects.create(courier_id=w.by.courier_id, key="k", fingerprint=b"0" * 32)


def code_that_outlives(w: World) -> None:
    without(PACKAGE, "package_code_pair")
    Package.objects.filter(pk=w.collected.pk).update(code_mac=b"\x01" * 32)


def stored_without_code(w: World) -> None:
    without(PACKAGE, "package_code_pair")
    Package.objects.filter(pk=w.stored.pk).update(code_mac=None)


def one_code_for_two(w: World) -> None:
    without(PACKAGE, "package_code_once")
    Package.objects.filter(pk__in=[w.stored.pk, w.expired.pk]).update(code_mac=b"\x01" * 32)


def held_and_not_written_down(w: World) -> None:
    Package.objects.filter(pk=w.stored.pk).update(held_at=w.now)


def handed_over_while_held(w: World) -> None:
    without_append_only()
    sql(f"UPDATE {EVENT} SET event = 'held' WHERE package_id = %s AND event = 'released'", w.released.pk)


def told(w: World, package: Package) -> list[Notification]:
    """What its courier's endpoint is told of a package, in order."""
    rows = Notification.objects.filter(subject=w.hook.destination_id, queue=f"package:{package.pk}")
    return list(rows.order_by("id"))


def overtaken(w: World) -> None:
    _, later = told(w, w.collected)
    Notification.objects.filter(pk=later.pk).update(status="sent", sent_at=w.now)


def told_to_a_stranger(w: World) -> None:
    stranger = world.make_webhook(world.make_courier("ups"), opened_at=w.now)
    row = told(w, w.stored)[0]
    key = row.dedup_key.replace(w.hook.destination_id, stranger.destination_id)
    Notification.objects.filter(pk=row.pk).update(subject=stranger.destination_id, dedup_key=key)


def told_of_something_else(w: World) -> None:
    Notification.objects.filter(pk=told(w, w.stored)[0].pk).update(kind="package.returned")


def told_of_no_event(w: World) -> None:
    key = f"{w.hook.destination_id}:event:999999999"
    Notification.objects.filter(pk=told(w, w.stored)[0].pk).update(dedup_key=key)


def not_announced(w: World) -> None:
    Notification.objects.filter(pk=told(w, w.expired)[-1].pk).delete()


def endpoint_in_a_week(w: World) -> None:
    Notification.objects.filter(channel="webhook").update(next_attempt_at=w.now + timedelta(hours=28))


def two_delegates(w: World) -> None:
    without("packages_app_delegate", "delegate_one_per_package")
    world.make_delegate(w.delegated)


def delegate_elsewhere(w: World) -> None:
    elsewhere = world.make_location("RIX-1", small=1, medium=0, large=0)
    Delegate.objects.filter(package=w.delegated).update(location=elsewhere)


def one_code_for_two_delegates(w: World) -> None:
    without("packages_app_delegate", "delegate_code_once")
    other = world.make_delegate(w.stored)
    Delegate.objects.filter(package=w.delegated, withdrawn_at=None).update(code_mac=other.code_mac)


def removed_but_not_their_code(w: World) -> None:
    without("packages_app_delegate", "delegate_code_pair")
    Delegate.objects.filter(package=w.delegated).update(withdrawn_at=w.now)


def collected_by_nobody(w: World) -> None:
    Package.objects.filter(pk=w.collected.pk).update(collected_by_delegate=True)


def code_for_a_stranger(w: World) -> None:
    Notification.objects.filter(kind="delegated").update(subject=f"package:{w.stored.pk}")


def message_never_written(w: World) -> None:
    Notification.objects.filter(kind="expired", subject=f"package:{w.expired.pk}", channel="sms").delete()


def message_of_nothing(w: World) -> None:
    Notification.objects.create(
        kind="expired", channel="sms", subject=f"package:{w.stored.pk}", dedup_key="event:999999999:sms"
    )


def message_twice(w: World) -> None:
    row = Notification.objects.filter(kind="retrieved").earliest("pk")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'u' AND conrelid = %s::regclass", [MESSAGE]
        )
        names = [name for (name,) in cursor.fetchall()]
    without(MESSAGE, *names)
    row.pk = None
    row.save(force_insert=True)


def message_about_another(w: World) -> None:
    Notification.objects.filter(kind="retrieved", channel="sms").update(subject=f"package:{w.stored.pk}")


def lease_of_a_dead_worker(w: World) -> None:
    row = Notification.objects.filter(kind="retrieved").earliest("pk")
    Notification.objects.filter(pk=row.pk).update(
        status="sending",
        lease_token="00000000-0000-0000-0000-000000000001",
        leased_until=w.now - timedelta(minutes=2),
    )


def retry_in_a_week(w: World) -> None:
    Notification.objects.filter(kind="retrieved").update(next_attempt_at=w.now + timedelta(days=7))


def put_off(hours: float) -> None:
    """The SMS that wait, as delivery puts them off in quiet hours."""
    waiting = Notification.objects.filter(channel="sms", status="pending")
    until = database_now() + timedelta(hours=hours)
    assert waiting.update(next_attempt_at=until, reason=quiet.WAITS)


def quiet_for_two_days(w: World) -> None:
    put_off(48)


def no_quiet_hours(w: World) -> None:
    put_off(10)
    Notification.objects.filter(reason=quiet.WAITS).update(reason="gateway: TimeoutError")


def sent_at_no_time(w: World) -> None:
    without(MESSAGE, "notification_sent_has_time")
    Notification.objects.filter(kind="retrieved").update(status="sent")


def delivered_at_no_time(w: World) -> None:
    without(MESSAGE, "notification_receipt_has_time")
    Notification.objects.filter(kind="retrieved").update(status="delivered", sent_at=w.now)


def bounced_without_reason(w: World) -> None:
    without(MESSAGE, "notification_end_has_reason")
    Notification.objects.filter(kind="retrieved").update(
        status="bounced", sent_at=w.now, receipt_at=w.now, reason=""
    )


def dead_without_reason(w: World) -> None:
    without(MESSAGE, "notification_end_has_reason")
    Notification.objects.filter(kind="retrieved").update(status="dead")


def suspended_without_a_downtime(w: World) -> None:
    w.place.suspend(reason="x", now=w.now)


def clock_that_never_goes_on(w: World) -> None:
    Downtime.objects.update(settled_at=None)


def downtimes_that_overlap(w: World) -> None:
    Downtime.objects.update(began_at=w.now)


def time_out_of_nowhere(w: World) -> None:
    Package.objects.filter(pk=w.expired.pk).update(stood_still=timedelta(hours=1))


def rehearsed_in_the_network(w: World) -> None:
    Package.objects.filter(pk=w.expired.pk).update(courier=w.expired.courier.in_sandbox())


def real_parcel_in_the_sandbox(w: World) -> None:
    Location.objects.update(sandbox=True)


QUEUE = "packages_app_queueentry"


def granted_nothing(w: World) -> None:
    without(QUEUE, "queueentry_granted_pair")
    QueueEntry.objects.filter(status="GRANTED").update(package=None)


def granted_another_s_package(w: World) -> None:
    QueueEntry.objects.filter(status="GRANTED").update(package=w.stored)


def granted_twice(w: World) -> None:
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql(f"ALTER TABLE {QUEUE} DROP CONSTRAINT {QUEUE}_package_id_key")
    granted = QueueEntry.objects.get(status="GRANTED")
    QueueEntry.objects.filter(status="EXPIRED").update(
        status="GRANTED", package=granted.package, tracking_number=granted.tracking_number
    )


def data_of_who_has_left(w: World) -> None:
    without(QUEUE, "queueentry_ended_pair")
    QueueEntry.objects.filter(status="LEFT").update(recipient=world.make_recipient())


def forgotten_in_the_queue(w: World) -> None:
    QueueEntry.objects.waiting().update(expires_at=w.now - timedelta(seconds=90))


SPOILT: list[tuple[str, Spoil]] = [
    ("I1", two_in_one_door),
    ("I2", overlapping_stints),
    ("I3-fit", too_small_a_door),
    ("I3-fit", another_location),
    ("I3-door", door_left_held),
    ("I3-door", door_given_away),
    ("I3-door", reserved_door_looks_occupied),
    ("I3-history", history_names_another_door),
    ("I3-service", broken_door_given_out),
    ("I5", door_of_no_known_state),
    ("I5", door_given_away),
    ("I4", same_tracking_number),
    ("I8-status", status_without_history),
    ("I8-status", no_history_at_all),
    ("I8-allowed", forbidden_transition),
    ("I8-chain", torn_chain),
    ("I8-chain", clock_turned_back),
    ("I8-end", collected_twice),
    ("I8-pairs", time_without_status),
    ("I8-pairs", nobody_did_it),
    ("I10", forgotten_reservation),
    ("I10", forgotten_hold),
    ("I12", key_without_answer),
    ("I17", code_that_outlives),
    ("I17", stored_without_code),
    ("I17", one_code_for_two),
    ("I18", held_and_not_written_down),
    ("I18", handed_over_while_held),
    ("I21-down", suspended_without_a_downtime),
    ("I21-clock", clock_that_never_goes_on),
    ("I21-clock", downtimes_that_overlap),
    ("I21-given", time_out_of_nowhere),
    ("I22-world", rehearsed_in_the_network),
    ("I22-world", real_parcel_in_the_sandbox),
    ("I23-granted", granted_nothing),
    ("I23-granted", granted_another_s_package),
    ("I23-granted", granted_twice),
    ("I23-pairs", data_of_who_has_left),
    ("I23-end", forgotten_in_the_queue),
    ("I19", two_delegates),
    ("I19", delegate_elsewhere),
    ("I19", one_code_for_two_delegates),
    ("I19", removed_but_not_their_code),
    ("I19", collected_by_nobody),
    ("I20", code_for_a_stranger),
    ("I13", message_never_written),
    ("I13", message_of_nothing),
    ("I13", message_twice),
    ("I13", message_about_another),
    ("I14", lease_of_a_dead_worker),
    ("I14", retry_in_a_week),
    ("I14", quiet_for_two_days),
    ("I14", no_quiet_hours),
    ("I14", sent_at_no_time),
    ("I14", delivered_at_no_time),
    ("I14", bounced_without_reason),
    ("I14", dead_without_reason),
    ("I14", endpoint_in_a_week),
    ("W1", overtaken),
    ("W2", told_to_a_stranger),
    ("W2", told_of_something_else),
    ("W2", told_of_no_event),
    ("W3", not_announced),
]


def test_a_package_may_be_back_in_a_door_that_is_out_of_service(lived: World) -> None:
    """The kiosk finds the door silent, and then that it stayed shut at the pickup."""
    bring = {"by": lived.by, "now": lived.now, "location": lived.place.code, "size": Size.SMALL}
    brought = operations.assign(**bring, tracking_number="BACK", recipient=world.make_recipient())
    kiosk, doors = world.caller(world.make_kiosk(lived.place, "left")), Compartment.objects.all()
    code = world.code_of(brought.package)
    opened = operations.pick_up(by=kiosk, now=lived.now, typed=Typed(code=code))
    service.take_out_of_service(
        compartments=doors,
        compartment_id=opened.compartment_id,
        by="kiosk:left",
        reason="does not answer",
        now=lived.now,
    )
    operations.door_failed(package_id=opened.package_id, by=kiosk.actor, now=lived.now)
    assert [finding.invariant.id for finding in map(audit.check, INVARIANTS) if finding.violations] == []


def test_every_invariant_has_been_seen_to_fail() -> None:
    assert {name for name, _ in SPOILT} == set(BY_ID)


@pytest.mark.parametrize(
    ("name", "spoil"), SPOILT, ids=[f"{name}-{spoil.__name__}" for name, spoil in SPOILT]
)
def test_what_must_never_be_is_found(lived: World, name: str, spoil: Spoil) -> None:
    spoil(lived)
    finding = audit.check(BY_ID[name])
    assert finding.violations >= 1
    assert len(finding.rows) == min(finding.violations, audit.NAMED)


def test_a_lease_on_a_paused_channel_may_wait(lived: World) -> None:
    lease_of_a_dead_worker(lived)
    channel = Notification.objects.get(status="sending").channel
    sql(
        "INSERT INTO notifications_channelstate (channel, provider, opened_at, next_probe_at, updated_at)"
        " VALUES (%s, 'first', now(), now(), now()), (%s, 'second', NULL, NULL, now())",
        channel,
        channel,
    )
    assert audit.check(BY_ID["I14"]).rows == []


def test_an_sms_may_wait_for_the_end_of_quiet_hours(lived: World) -> None:
    put_off(23.9)
    assert audit.check(BY_ID["I14"]).rows == []


def test_rows_are_bounded_and_counted(db: None) -> None:
    place = world.make_location(small=audit.NAMED + 5)
    Compartment.objects.filter(location=place, size=Size.SMALL).update(occupancy="occupied")
    finding = audit.check(BY_ID["I3-door"])
    assert (finding.violations, len(finding.rows)) == (audit.NAMED + 5, audit.NAMED)


@pytest.mark.django_db(transaction=True)
class TestCommand:
    """Over committed data, as it runs in life."""

    def test_says_that_all_is_well(self) -> None:
        live()
        out = StringIO()
        call_command("audit", stdout=out)
        assert f"All {len(INVARIANTS)} invariants hold." in out.getvalue()

    def test_names_the_rows_and_fails(self) -> None:
        lived = live()
        door_given_away(lived)
        out = StringIO()
        with pytest.raises(CommandError, match="I3-door") as raised:
            call_command("audit", stdout=out)
        assert raised.value.returncode == 1
        assert f"compartment_id={lived.expired.compartment_id}" in out.getvalue()
        assert f"package_id={lived.expired.pk}" in out.getvalue()

    def test_speaks_json(self) -> None:
        lived = live()
        door_given_away(lived)
        out = StringIO()
        with pytest.raises(CommandError):
            call_command("audit", "--json", stdout=out)
        said = json.loads(out.getvalue())
        found = {item["id"]: item["violations"] for item in said["invariants"]}
        assert set(found) == set(BY_ID)
        assert found["I3-door"] == 1
        assert said["violations"] == sum(found.values())

    def test_tells_no_code_and_no_address(self) -> None:
        lived = live()
        sql("UPDATE packages_app_package SET size = 3")
        sql("UPDATE lockers_compartment SET occupancy = 'empty'")
        out = StringIO()
        with pytest.raises(CommandError):
            call_command("audit", stdout=out)
        lived.stored.refresh_from_db()
        for secret in (world.code_of(lived.stored), bytes(lived.stored.code_mac).hex(), "mari@example.com"):
            assert secret not in out.getvalue()

    def test_cannot_write(self) -> None:
        place = world.make_location()
        with pytest.raises(InternalError, match="read-only"), audit.snapshot():
            Compartment.objects.filter(location=place).update(occupancy="occupied")

    def test_sees_one_moment(self) -> None:
        """What commits in the middle is not seen: or a busy system would show violations that never were."""
        place = world.make_location()
        with audit.snapshot():
            assert audit.check(BY_ID["I3-door"]).rows == []
            other = connection.copy()
            try:
                with other.cursor() as cursor:
                    cursor.execute("UPDATE lockers_compartment SET occupancy = 'occupied'")
            finally:
                other.close()
            assert audit.check(BY_ID["I3-door"]).rows == []
        with transaction.atomic():
            assert (
                audit.check(BY_ID["I3-door"]).violations == Compartment.objects.filter(location=place).count()
            )
