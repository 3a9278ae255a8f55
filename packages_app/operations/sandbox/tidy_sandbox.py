"""The sandbox is put in order, so that there is room for the next rehearsal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from common.refusals import Refusal
from lockers import operations
from lockers.models import Compartment
from packages_app.core.actor import SYSTEM
from packages_app.life.lifecycle import Status
from packages_app.models import Package
from packages_app.operations.packages.cancel import cancel
from packages_app.operations.packages.return_to_courier import return_to_courier

# So long a rehearsal's package may lie in its door.
KEEPS = timedelta(hours=24)


def tidy_sandbox(*, now: datetime) -> int:
    """What was brought to a sandbox location a day ago or earlier is called off and taken out; how many.

    Its doors work again, and what no package holds is empty. One transaction each; what somebody else is
    just changing is left for the next time.
    """
    old = Package.objects.in_door().filter(location__sandbox=True, created_at__lte=now - KEEPS)
    tidied = sum(_done(partial(_take_out, package, now)) for package in old)
    doors = Compartment.objects.filter(location__sandbox=True)
    broken = doors.filter(out_of_service_at__isnull=False)
    unclear = doors.filter(occupancy=Compartment.Occupancy.UNVERIFIED)
    for found, mend in ((broken, operations.put_back_in_service), (unclear, operations.confirm_empty)):
        for door_id in list(found.values_list("pk", flat=True)):
            _done(partial(mend, compartments=doors, compartment_id=door_id, by=SYSTEM.name))
    return tidied


def _take_out(package: Package, now: datetime) -> None:
    if package.status in (Status.PENDING, Status.STORED):
        package = cancel(package_id=package.pk, by=SYSTEM, now=now, reason="the sandbox was tidied")
    if package.holds_door:
        return_to_courier(package_id=package.pk, by=SYSTEM, now=now)


def _done(work: Callable[[], object]) -> bool:
    try:
        work()
    except Refusal:
        return False
    return True
