"""All operations at once on few packages: no fault, no deadlock, and the audit finds nothing."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from common.actor import Actor
from common.refusals import Refusal
from lockers import operations as service
from lockers.models import Compartment, Location
from packages_app import operations
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Package
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.operations.packages.reassign import Reason
from tests.races.together import after_the_hold, assert_sound, bring, together
from tests.world import actor, caller, code_of, make_kiosk

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

THREADS, STEPS = 8, 60


def deadlocks() -> int:
    """How many PostgreSQL has broken up in this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


class Crowd:
    """Everything that couriers, kiosks, managers and sweeps do, by chance, from one seed a thread."""

    def __init__(self, location: Location, courier: Courier) -> None:
        self.location, self.courier, self.by = location, courier, actor(courier)
        self.screens = [caller(make_kiosk(location, f"screen {number}")) for number in range(THREADS)]

    def run(self, thread: int) -> Counter[str]:
        """So many steps; counts what came of each. Anything but a refusal is raised."""
        chance, done = random.Random(thread), Counter[str]()
        acts = [self.bring] * 5 + [self.change] * 6 + [self.pick_up] * 4 + [self.sweep, self.door] * 2
        for step in range(STEPS):
            act = chance.choice(acts)
            try:
                act(chance, thread, step)
            except Refusal as refusal:
                done[f"{act.__name__}: {type(refusal).__name__}"] += 1
            else:
                done[act.__name__] += 1
        return done

    def bring(self, chance: random.Random, thread: int, step: int) -> None:
        bring(
            self.courier,
            self.location,
            f"T-{chance.randrange(12)}",
            size=chance.choice((1, 1, 2, 3)),
            deposited=chance.random() < 0.7,
        )

    def change(self, chance: random.Random, thread: int, step: int) -> None:
        package_ids = list(Package.objects.in_door().values_list("pk", flat=True))
        if not package_ids:
            return
        arguments: dict[str, Any] = {
            "package_id": chance.choice(package_ids),
            "by": self.by,
            "now": timezone.now(),
        }
        name = chance.choice(
            (
                "deposit",
                "cancel",
                "extend",
                "return_to_courier",
                "return_to_courier",
                "resend_code",
                "reassign",
            )
        )
        if name == "extend":
            arguments["hours"] = 1
        if name == "reassign":
            arguments["reason"] = chance.choice(list(Reason))
        getattr(operations, name)(**arguments)

    def pick_up(self, chance: random.Random, thread: int, step: int) -> None:
        packages = list(Package.objects.filter(status=Status.STORED))
        if packages:
            typed = TypedCode(code=code_of(chance.choice(packages)), nonce=f"{thread}-{step}")
            self.location.kiosks.filter(name=f"screen {thread}").update(
                wrong_codes_in_row=0, locked_until=None
            )
            operations.pick_up(by=self.screens[thread].actor, now=timezone.now(), typed=typed)

    def sweep(self, chance: random.Random, thread: int, step: int) -> None:
        chance.choice((operations.expire_due, operations.lapse_due))(
            now=after_the_hold() if chance.random() < 0.3 else timezone.now()
        )

    def door(self, chance: random.Random, thread: int, step: int) -> None:
        doors = Compartment.objects.filter(location=self.location)
        arguments: dict[str, Any] = {
            "compartments": Compartment.objects.all(),
            "compartment_id": chance.choice(list(doors.values_list("pk", flat=True))),
            "by": Actor("staff:ann"),
            "now": timezone.now(),
        }
        act = chance.choice((service.take_out_of_service, service.put_back_in_service, service.confirm_empty))
        if act is service.take_out_of_service:
            arguments["reason"] = f"step {step}"
        act(**arguments)


def test_everything_at_once(location: Location, courier: Courier) -> None:
    before = deadlocks()
    crowd = Crowd(location, courier)
    results = together(*(lambda thread=thread: crowd.run(thread) for thread in range(THREADS)))
    faults = [result for result in results if isinstance(result, Exception)]
    assert not faults, faults
    done: Counter[str] = sum(results, Counter())  # type: ignore[arg-type]
    assert done.total() == THREADS * STEPS
    for act in ("bring", "change", "pick_up", "sweep", "door"):
        assert done[act] >= 10, done
    assert deadlocks() == before
    assert_sound()
