"""Any order of operations, against a model that a reader can check by eye.

Hypothesis looks for the shortest sequence after which the two differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from common.actor import Actor
from common.refusals import Refusal
from lockers import operations as service
from lockers.models import Compartment, Location
from packages_app import operations
from packages_app.invariants import INVARIANTS
from packages_app.invariants.audit import check
from packages_app.models import Package, QueueEntry, Recipient
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.operations.packages.reassign import Reason
from packages_app.operations.packages.record_found import Outcome
from tests.world import NOW, actor, caller, code_of, make_courier, make_kiosk, make_location

SILENT_AFTER = timedelta(minutes=15)
HOLD, RESERVATION = timedelta(days=3), timedelta(minutes=30)
WAITS, KEPT = timedelta(hours=2), timedelta(minutes=15)  # in the queue, and a door for who has waited
LONGEST = timedelta(days=60)
SAID = [None, False, True]  # of the door of a reservation
SIZES = {"S1": 1, "S2": 1, "M1": 2, "L1": 3}  # in the order in which they are given out


@dataclass
class Parcel:
    """What the model knows of one package."""

    status: str
    door: str | None
    ends: datetime  # of the reservation, or of the hold
    size: int
    maybe: bool = True  # while it is reserved: whether the parcel may lie in the door
    held: bool = False  # held back, and not released since
    rest: timedelta | None = None  # how much of the hold was left when it was held back
    stored: datetime | None = None
    given: timedelta = timedelta(0)  # back, after downtimes
    left: str | None = None  # the door that it was given up, and may lie in


class Custody(RuleBasedStateMachine):
    """One location with four doors, one courier, one screen."""

    @initialize()
    def begin(self) -> None:
        self.now = NOW
        savepoint: Any = transaction.atomic()
        savepoint._from_testcase = True  # or it would count as a transaction around the operations
        savepoint.__enter__()
        self.savepoint = savepoint
        location = make_location(small=2, medium=1, large=1, max_hold_days=60)
        self.location, self.by = location, actor(make_courier())
        self.screen = caller(make_kiosk(location))
        self.parcels: dict[str, Parcel] = {}
        self.packages: dict[str, Package] = {}
        self.broken: set[str] = set()
        self.doubtful: set[str] = set()
        self.queue: dict[str, tuple[int, datetime]] = {}  # size, and until when, in the order of coming
        self.seen: datetime | None = None  # the last heartbeat
        self.down: list[list[Any]] = []  # cause, beginning, end of what was not given back yet
        self.last_end: datetime | None = None

    def teardown(self) -> None:
        if hasattr(self, "savepoint"):
            transaction.set_rollback(True)
            self.savepoint.__exit__(None, None, None)

    # --- What the model says --------------------------------------------------------------------------------

    def holder(self, label: str) -> Parcel | None:
        return next((parcel for parcel in self.parcels.values() if parcel.door == label), None)

    def best(self, size: int) -> str | None:
        return next((label for label, room in SIZES.items() if room >= size and self.is_free(label)), None)

    def is_free(self, label: str) -> bool:
        return label not in self.broken and label not in self.doubtful and self.holder(label) is None

    def nobodys(self, size: int, before: list[str] | None = None) -> str | None:
        """The best door that nobody waits for; for one who waits: nobody `before` it."""
        waiting = self.queue if before is None else before
        owed = min((self.queue[number][0] for number in waiting), default=99)
        free = (label for label, room in SIZES.items() if self.is_free(label) and size <= room < owed)
        return next(free, None)

    def serve(self) -> int:
        """The queue gets what is free, in its order."""
        for number, (_, ends) in list(self.queue.items()):
            held = self.parcels.get(number)
            if ends <= self.now or (held and held.door):
                del self.queue[number]
        before: list[str] = []
        served = 0
        for number, (size, _) in list(self.queue.items()):
            door = None if self.suspended else self.nobodys(size, before)
            if door is None:
                before.append(number)
                continue
            del self.queue[number]
            self.parcels[number] = Parcel("PENDING", door, self.now + KEPT, size, maybe=False)
            served += 1
        return served

    def known(self) -> None:
        """The package of every parcel that holds a door."""
        for package in Package.objects.in_door():
            self.packages[package.tracking_number] = package

    def refusal(self, work: Any, **arguments: Any) -> str:
        """The code of the refusal, "" when it was done."""
        try:
            work(**arguments)
        except Refusal as refused:
            return refused.code
        return ""

    def change(self, operation: Any, number: str, **more: Any) -> str:
        package = self.packages[number]
        return self.refusal(operation, package_id=package.pk, by=self.by, now=self.now, **more)

    def one(self, pick: int) -> tuple[str, Parcel]:
        """One of the parcels that there are."""
        number = list(self.parcels)[pick % len(self.parcels)]
        return number, self.parcels[number]

    some = st.sampled_from([f"T-{number}" for number in range(6)])
    picks = st.integers(0, 5)

    # --- What can happen ------------------------------------------------------------------------------------

    @rule(
        number=some,
        size=st.integers(1, 3),
        deposited=st.booleans(),
        opened=st.sampled_from(SAID),
        queue=st.booleans(),
    )
    def assign(self, number: str, size: int, deposited: bool, opened: bool | None, queue: bool) -> None:
        held = self.parcels.get(number)
        known = (queue and number in self.queue) or (held and held.door)
        expected, door = "", None
        if self.suspended and not (queue and number in self.queue):
            expected = "location_suspended"
        elif known:
            expected = "duplicate_tracking_number"
        else:
            door = self.nobodys(size)
            if door is None and self.best(size) is not None:
                self.serve()
                self.known()
                door = self.nobodys(size)
            expected = "" if door or queue else "location_full"
        wait: dict[str, Any] = {"wait_for": WAITS, "keep_minutes": 15} if queue else {}
        answer = self.refusal(
            operations.assign_or_wait if queue else operations.assign,
            by=self.by,
            now=self.now,
            location=self.location.code,
            tracking_number=number,
            size=size,
            recipient=Recipient(name="Mari", email="mari@example.com"),
            deposited=deposited,
            opened=opened,
            **wait,
        )
        assert answer == expected
        self.known()
        if not expected and door is None:
            self.queue[number] = (size, self.now + WAITS)
        elif not expected:
            self.packages[number] = Package.objects.in_door().get(tracking_number=number)
            ends = self.now + (HOLD if deposited else RESERVATION)
            status = "STORED" if deposited else "PENDING"
            stored = self.now if deposited else None
            maybe = opened is not False
            self.parcels[number] = Parcel(status, door, ends, size, maybe=maybe, stored=stored)

    @rule()
    def grant(self) -> None:
        assert operations.grant_due(now=self.now) == self.serve()
        self.known()

    @precondition(lambda self: self.queue)
    @rule(pick=picks)
    def leave(self, pick: int) -> None:
        number = list(self.queue)[pick % len(self.queue)]
        entry = QueueEntry.objects.waiting().get(tracking_number=number)
        operations.leave_queue(entry_id=entry.pk, by=self.by, now=self.now)
        del self.queue[number]

    @precondition(lambda self: self.parcels)
    @rule(pick=picks)
    def deposit(self, pick: int) -> None:
        number, parcel = self.one(pick)
        ok = parcel.status == "PENDING"
        assert self.change(operations.deposit, number) == ("" if ok else "wrong_status")
        if ok:
            self.begin_to_wait(parcel)

    def begin_to_wait(self, parcel: Parcel) -> None:
        parcel.status, parcel.stored, parcel.ends = "STORED", self.now, self.now + HOLD
        if parcel.held:
            self.stand_still(parcel)

    def stand_still(self, parcel: Parcel) -> None:
        assert parcel.stored is not None
        latest = parcel.stored + LONGEST + parcel.given
        parcel.rest, parcel.ends = parcel.ends - self.clock_of(parcel), max(parcel.ends, latest)

    @precondition(lambda self: self.parcels)
    @rule(pick=picks)
    def hold(self, pick: int) -> None:
        number, parcel = self.one(pick)
        ok = parcel.status in ("PENDING", "STORED", "EXPIRED")
        assert self.change(operations.put_on_hold, number) == ("" if ok else "wrong_status")
        if ok and not parcel.held:
            parcel.held = True
            if parcel.status == "STORED" and parcel.ends > self.clock:
                self.stand_still(parcel)

    @precondition(lambda self: self.parcels)
    @rule(pick=picks)
    def release(self, pick: int) -> None:
        number, parcel = self.one(pick)
        ok = parcel.status in ("PENDING", "STORED", "EXPIRED")
        assert self.change(operations.release_hold, number) == ("" if ok else "wrong_status")
        if ok and parcel.held:
            if parcel.status == "STORED" and parcel.rest is not None:
                parcel.ends = min(self.clock_of(parcel) + parcel.rest, parcel.ends)
            parcel.held, parcel.rest = False, None

    @precondition(lambda self: self.parcels)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        number, parcel = self.one(pick)
        ok = parcel.status in ("PENDING", "STORED", "EXPIRED")
        assert self.change(operations.cancel, number) == ("" if ok else "wrong_status")
        if ok:
            if parcel.status == "PENDING":
                self.give_up(parcel)
            parcel.status = "CANCELLED"

    def give_up(self, parcel: Parcel) -> None:
        assert parcel.door is not None
        if parcel.maybe:
            self.doubtful.add(parcel.door)
            parcel.left = parcel.door
        parcel.door = None

    @precondition(lambda self: self.parcels)
    @rule(pick=picks)
    def open_door(self, pick: int) -> None:
        number, parcel = self.one(pick)
        ok = parcel.status == "PENDING"
        assert self.change(operations.open_door, number) == ("" if ok else "wrong_status")
        if ok and Package.objects.get(pk=self.packages[number].pk).opened_at == self.now:
            parcel.ends = max(parcel.ends, self.now + timedelta(minutes=5))
        parcel.maybe = parcel.maybe or ok

    @precondition(lambda self: self.parcels)
    @rule(pick=picks, outcome=st.sampled_from(Outcome))
    def found(self, pick: int, outcome: Outcome) -> None:
        number, parcel = self.one(pick)
        ok = parcel.status == "CANCELLED" and parcel.left in self.doubtful
        assert self.change(operations.record_found, number, outcome=outcome) == ("" if ok else "wrong_status")
        if not ok:
            return
        assert parcel.left is not None
        self.doubtful.discard(parcel.left)
        if outcome == Outcome.STAYS:
            parcel.door = parcel.left
            self.begin_to_wait(parcel)
        else:
            parcel.status = "RETURNED"
        parcel.left = None

    @precondition(lambda self: self.parcels)
    @rule(pick=picks, hours=st.integers(1, 48))
    def extend(self, pick: int, hours: int) -> None:
        number, parcel = self.one(pick)
        ok = parcel.status in ("STORED", "EXPIRED")
        answer = self.change(operations.extend, number, hours=hours)
        if answer == "extension_limit":
            return
        assert answer == ("on_hold" if ok and parcel.held else "" if ok else "wrong_status")
        if answer == "":
            parcel.status, parcel.ends = "STORED", max(parcel.ends, self.clock) + timedelta(hours=hours)

    @precondition(lambda self: self.parcels)
    @rule(pick=picks)
    def take_back(self, pick: int) -> None:
        number, parcel = self.one(pick)
        ok = parcel.status in ("EXPIRED", "CANCELLED") and parcel.door is not None
        assert self.change(operations.return_to_courier, number) == ("" if ok else "wrong_status")
        if ok:
            parcel.status, parcel.door = "RETURNED", None

    @precondition(lambda self: self.parcels)
    @rule(pick=picks)
    def resend(self, pick: int) -> None:
        number, parcel = self.one(pick)
        ok = parcel.status == "STORED" and parcel.ends > self.clock
        before = code_of(self.packages[number])
        answer = self.change(operations.resend_code, number)
        assert answer == ("on_hold" if ok and parcel.held else "" if ok else "wrong_status")
        assert (code_of(self.packages[number]) != before) == (answer == "")

    @precondition(lambda self: self.parcels)
    @rule(pick=picks, reason=st.sampled_from(Reason))
    def reassign(self, pick: int, reason: Reason) -> None:
        number, parcel = self.one(pick)
        answer = self.change(operations.reassign, number, reason=reason)
        if parcel.status not in ("PENDING", "STORED"):
            assert answer == "wrong_status"
            return
        assert parcel.door is not None
        larger = SIZES[parcel.door] + 1 if reason == Reason.TOO_SMALL else parcel.size
        door = self.best(larger)
        assert answer == ("location_full" if door is None else "")
        if door is None:
            return
        if reason in (Reason.DOOR_STUCK, Reason.DAMAGED):
            self.broken.add(parcel.door)
        if reason in (Reason.NOT_EMPTY, Reason.DOOR_STUCK):
            self.doubtful.add(parcel.door)
        parcel.maybe = True
        parcel.door, parcel.size = door, max(parcel.size, larger)

    @precondition(lambda self: self.parcels)
    @rule(pick=picks)
    def pick_up(self, pick: int) -> None:
        number, parcel = self.one(pick)
        code = code_of(self.packages[number])
        in_time = parcel.status == "STORED" and (bool(self.down) or parcel.ends > self.now)
        late = parcel.status in ("STORED", "EXPIRED")
        answer = self.refusal(
            operations.pick_up, by=self.screen.actor, now=self.now, typed=TypedCode(code=code)
        )
        if answer in ("too_many_attempts", "phone_check_required"):
            return
        opens = "on_hold" if parcel.held else ""
        assert answer == (opens if in_time else "expired" if late else "unknown_code")
        if answer == "":
            parcel.status, parcel.door = "RETRIEVED", None

    def nothing_lies_in(self, label: str) -> None:
        for parcel in self.parcels.values():
            if parcel.left == label:
                parcel.left = None

    @rule(minutes=st.sampled_from([1, 29, 30, 31, 60 * 24, 60 * 24 * 3]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def sweep(self) -> None:
        due = [parcel for parcel in self.parcels.values() if parcel.ends <= self.now]
        stored = [parcel for parcel in due if parcel.status == "STORED" and not self.down]
        pending = [parcel for parcel in due if parcel.status == "PENDING"]
        assert operations.expire_due(now=self.now) == len(stored)
        assert operations.lapse_due(now=self.now) == len(pending)
        for parcel in stored:
            parcel.status = "EXPIRED"
        for parcel in pending:
            parcel.status = "CANCELLED"
            self.give_up(parcel)

    @rule(label=st.sampled_from(list(SIZES)), act=st.sampled_from(["break", "mend", "look"]))
    def door(self, label: str, act: str) -> None:
        doors = Compartment.objects.filter(location=self.location)
        common: dict[str, Any] = {
            "compartments": doors,
            "compartment_id": doors.get(label=label).pk,
            "by": Actor("x"),
            "now": self.now,
        }
        if act == "break":
            service.take_out_of_service(reason="hinge", **common)
            self.broken.add(label)
        elif act == "mend":
            service.put_back_in_service(**common)
            self.broken.discard(label)
        else:
            held = self.holder(label) is not None
            assert self.refusal(service.confirm_empty, **common) == ("compartment_in_use" if held else "")
            if not held:
                self.doubtful.discard(label)
                self.nothing_lies_in(label)

    # --- The hold clock -------------------------------------------------------------------------------------

    @property
    def suspended(self) -> bool:
        return bool(self.down) and self.down[-1][0] == "suspended"

    @property
    def clock(self) -> datetime:
        """What the hold clock shows."""
        return self.down[0][1] if self.down else self.now

    def clock_of(self, parcel: Parcel) -> datetime:
        """The same for one parcel: its time began with its deposit."""
        return max(self.clock, parcel.stored or self.clock)

    def quiet_since(self) -> datetime | None:
        """Since when nothing was heard, if that is too long ago."""
        if self.seen is None or self.seen >= self.now - SILENT_AFTER:
            return None
        return max(self.seen, self.last_end or self.seen)

    def waiting(self, began: datetime) -> list[Parcel]:
        """What lay in its door when the clock stopped at `began`, and was not over by then."""
        found = [parcel for parcel in self.parcels.values() if parcel.door and parcel.stored]
        return [one for one in found if one.status in ("STORED", "EXPIRED") and one.ends > began]

    def stop(self, cause: str, began: datetime) -> None:
        self.down.append([cause, began, None])
        for parcel in self.waiting(began):
            parcel.status = "STORED"

    def end_downtime(self) -> None:
        self.down[-1][2] = self.last_end = self.now

    def give_back(self) -> None:
        for parcel in self.waiting(self.clock):
            spans = [end - max(began, parcel.stored or end) for _, began, end in self.down]
            lost = sum((one for one in spans if one > timedelta(0)), timedelta(0))
            if lost:
                parcel.status, parcel.ends, parcel.given = "STORED", parcel.ends + lost, parcel.given + lost
        self.down = []

    @rule()
    def suspend(self) -> None:
        if not self.suspended:
            if self.down:
                self.end_downtime()
            self.stop("suspended", self.now)
        operations.suspend_location(
            locations=Location.objects.all(),
            location_id=self.location.pk,
            by=self.by,
            now=self.now,
            reason="storm",
        )

    @rule()
    def resume(self) -> None:
        if self.suspended:
            self.end_downtime()
            since = self.quiet_since()
            if since is None:
                self.give_back()
            else:
                self.stop("silent", since)
        operations.resume_location(
            locations=Location.objects.all(), location_id=self.location.pk, by=self.by, now=self.now
        )

    @rule()
    def beat(self) -> None:
        since = self.quiet_since()
        if not self.down and since is not None and since < self.now - SILENT_AFTER:
            self.stop("silent", since)
        if self.down and not self.suspended:
            self.end_downtime()
            self.give_back()
        self.seen = self.now
        operations.record_heartbeat(by=self.screen.actor, now=self.now, software_version="1")

    @rule()
    def look_for_silence(self) -> None:
        since = self.quiet_since()
        news = since is not None and not self.down
        assert operations.notice_silence_due(now=self.now) == news
        if news and since is not None:
            self.stop("silent", since)

    # --- What must be the same ------------------------------------------------------------------------------

    @invariant()
    def the_packages_are_as_the_model_says(self) -> None:
        if not hasattr(self, "packages"):
            return
        for number, parcel in self.parcels.items():
            package = Package.objects.select_related("compartment").get(pk=self.packages[number].pk)
            assert package.status == parcel.status
            still_open = parcel.status in ("PENDING", "STORED", "EXPIRED")
            assert (package.held_at is not None) == (parcel.held and still_open)
            if parcel.status in ("STORED", "EXPIRED"):
                assert package.expires_at == parcel.ends
            assert (package.compartment.label if package.holds_door else None) == parcel.door

    @invariant()
    def the_queue_is_as_the_model_says(self) -> None:
        if hasattr(self, "queue"):
            waiting = QueueEntry.objects.waiting().order_by("created_at", "id")
            assert list(waiting.values_list("tracking_number", flat=True)) == list(self.queue)

    @invariant()
    def the_doors_are_as_the_model_says(self) -> None:
        if not hasattr(self, "packages"):
            return
        for compartment in Compartment.objects.all():
            parcel = self.holder(compartment.label)
            if parcel is not None:
                expected = "reserved" if parcel.status == "PENDING" else "occupied"
            else:
                expected = "unverified" if compartment.label in self.doubtful else "empty"
            assert compartment.occupancy == expected
            assert (compartment.out_of_service_at is not None) == (compartment.label in self.broken)

    @invariant()
    def the_audit_finds_nothing(self) -> None:
        """But for what asks the real clock: the model's own runs ahead of it."""
        if not hasattr(self, "packages"):
            return
        for one in INVARIANTS:
            if one.id not in ("I10", "I14", "I8-pairs", "I23-end"):
                finding = check(one)
                assert not finding.rows, (one.id, one.meaning, finding.rows)


@pytest.mark.generated
@pytest.mark.django_db
def test_any_order_of_operations() -> None:
    run_state_machine_as_test(
        Custody,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
