"""What must never be of packages, doors, places and queues: one thing each, put into an honest history."""

from __future__ import annotations

from datetime import timedelta

from common.actor import Actor
from lockers import operations
from lockers.models import Compartment, Downtime, Location, Size
from packages_app.models import Delegate, IdempotencyKey, Package, QueueEntry
from tests import world
from tests.packages_app.invariants.lived import World
from tests.packages_app.invariants.spoiling import (
    DOOR,
    EVENT,
    PACKAGE,
    QUEUE,
    Spoil,
    sql,
    without,
    without_append_only,
)


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
    operations.take_out_of_service(
        compartments=Compartment.objects.all(),
        compartment_id=door.pk,
        by=Actor("x"),
        reason="stuck",
        now=w.now,
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
]
