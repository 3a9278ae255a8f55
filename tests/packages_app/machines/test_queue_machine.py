"""Who waits, who does not, and doors that become free, in any order: against a model of the queue's rule."""

from __future__ import annotations

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

from common.refusals import Refusal
from lockers.models import Compartment, Size
from packages_app import operations
from packages_app.models import Package, QueueEntry, Recipient
from tests.world import NOW, actor, make_courier, make_location

DOORS = {"S1": 1, "M1": 2, "L1": 3}  # in the order in which they are given out
WAITS, KEPT = timedelta(minutes=40), timedelta(minutes=15)


def refusal(work: Any, **arguments: Any) -> str:
    """The code of the refusal, "" when it was done."""
    try:
        work(**arguments)
    except Refusal as refused:
        return refused.code
    return ""


class Queue(RuleBasedStateMachine):
    """Three doors, each of which is taken, or free; who comes, waits, or does not."""

    @initialize(strategy=st.sampled_from(["best_fit", "first_available"]))
    def begin(self, strategy: str) -> None:
        self.now = NOW
        savepoint: Any = transaction.atomic()
        savepoint._from_testcase = True  # or it would count as a transaction around the operations
        savepoint.__enter__()
        self.savepoint = savepoint
        self.location = make_location(small=1, medium=1, large=1, strategy=strategy)
        Compartment.objects.filter(location=self.location).update(occupancy="unverified")
        self.exact = strategy == "first_available"
        self.by = actor(make_courier())
        self.coming = 0
        self.free: set[str] = set()
        self.queue: list[tuple[str, int, datetime]] = []  # number, size, until when
        self.kept: dict[str, tuple[str, datetime]] = {}  # number: its door, until when

    def teardown(self) -> None:
        if hasattr(self, "savepoint"):
            transaction.set_rollback(True)
            self.savepoint.__exit__(None, None, None)

    # --- What the model says --------------------------------------------------------------------------------

    def fits(self, size: int, label: str) -> bool:
        return DOORS[label] == size if self.exact else DOORS[label] >= size

    def may_get(self, size: int, before: list[tuple[str, int, datetime]]) -> str | None:
        """The best free door for this size that fits none of those before."""
        for label in DOORS:
            owed = any(self.fits(other, label) for _, other, _ in before)
            if label in self.free and self.fits(size, label) and not owed:
                return label
        return None

    def serve(self) -> int:
        """Whose time is over, goes; who is left, gets what is free, in their order."""
        waiting = [entry for entry in self.queue if entry[2] > self.now]
        self.queue = []
        served = 0
        for number, size, until in waiting:
            label = self.may_get(size, self.queue)
            if label is None:
                self.queue.append((number, size, until))
            else:
                self.free.remove(label)
                self.kept[number] = (label, self.now + KEPT)
                served += 1
        return served

    # --- What can happen ------------------------------------------------------------------------------------

    @rule(size=st.sampled_from(Size), waits=st.booleans())
    def come(self, size: Size, waits: bool) -> None:
        self.coming += 1
        number = f"T-{self.coming}"
        label = self.may_get(size, self.queue)
        if label is None and self.may_get(size, []) is not None:
            self.serve()
            label = self.may_get(size, self.queue)
        arguments: dict[str, Any] = {"wait_for": WAITS, "keep_minutes": 15} if waits else {}
        work = operations.assign_or_wait if waits else operations.assign
        answer = refusal(
            work,
            by=self.by,
            now=self.now,
            location=self.location.code,
            tracking_number=number,
            size=size,
            recipient=Recipient(name="Mari", email="mari@example.com"),
            **arguments,
        )
        assert answer == ("location_full" if label is None and not waits else "")
        if answer:
            return
        if label is None:
            self.queue.append((number, size, self.now + WAITS))
        else:
            self.free.remove(label)
            assert Package.objects.get(tracking_number=number).compartment.label == label

    @rule(label=st.sampled_from(list(DOORS)))
    def a_door_becomes_free(self, label: str) -> None:
        """Whatever it was that held it."""
        door = Compartment.objects.get(location=self.location, label=label)
        for package in Package.objects.in_door().filter(compartment=door):
            operations.cancel(package_id=package.pk, by=self.by, now=self.now)
            package.refresh_from_db()
            if package.holds_door:
                operations.return_to_courier(package_id=package.pk, by=self.by, now=self.now)
            self.kept.pop(package.tracking_number, None)
        Compartment.objects.filter(pk=door.pk).update(occupancy="empty")
        self.free.add(label)

    @rule()
    def grant(self) -> None:
        assert operations.grant_due(now=self.now) == self.serve()

    @rule()
    def lapse(self) -> None:
        over = {number: door for number, (door, until) in self.kept.items() if until <= self.now}
        assert operations.lapse_due(now=self.now) == len(over)
        for number, label in over.items():
            del self.kept[number]
            self.free.add(label)

    @precondition(lambda self: self.queue)
    @rule(pick=st.integers(0, 5))
    def leave(self, pick: int) -> None:
        number, _, _ = self.queue.pop(pick % len(self.queue))
        entry = QueueEntry.objects.get(tracking_number=number)
        operations.leave_queue(entry_id=entry.pk, by=self.by, now=self.now)

    @rule(minutes=st.sampled_from([5, 15, 40]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    # --- What must be the same ------------------------------------------------------------------------------

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        if not hasattr(self, "kept"):
            return
        waiting = QueueEntry.objects.waiting().order_by("created_at", "id")
        assert list(waiting.values_list("tracking_number", flat=True)) == [entry[0] for entry in self.queue]
        pending = Package.objects.filter(status="PENDING")
        kept = set(pending.values_list("tracking_number", "compartment__label"))
        assert kept == {(number, label) for number, (label, _) in self.kept.items()}
        free = set(Compartment.objects.free().values_list("label", flat=True))
        assert free == self.free


@pytest.mark.generated
@pytest.mark.django_db
def test_any_order_of_coming_and_going() -> None:
    run_state_machine_as_test(
        Queue,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
