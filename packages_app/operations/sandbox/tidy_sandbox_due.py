"""Tidy the sandbox, so that there is room for the next rehearsal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from common.operation import Sweep
from common.refusals import Refusal
from lockers import operations
from lockers.models import Compartment
from packages_app.core.actor import SYSTEM
from packages_app.life.lifecycle import Status
from packages_app.models import Package
from packages_app.operations.packages.cancel import cancel
from packages_app.operations.packages.return_to_courier import return_to_courier

# How long a rehearsal's package may stay in its compartment.
KEEPS = timedelta(hours=24)


@Sweep
def tidy_sandbox_due(*, now: datetime) -> int:
    """Cancel and return packages brought to the sandbox a day ago or earlier; return how many.

    Compartments there are put back in service, and confirmed empty where no package occupies them. Each
    change is an operation of its own; rows that somebody else is changing are left for the next run.
    """
    old = Package.objects.in_door().filter(location__sandbox=True, created_at__lte=now - KEEPS)
    tidied = sum(_is_done(partial(_take_out, package, now)) for package in old)
    compartments = Compartment.objects.filter(location__sandbox=True)
    broken = compartments.filter(out_of_service_at__isnull=False)
    unverified = compartments.filter(occupancy=Compartment.Occupancy.UNVERIFIED)
    for rows, change in ((broken, operations.put_back_in_service), (unverified, operations.confirm_empty)):
        for pk in list(rows.values_list("pk", flat=True)):
            _is_done(partial(change, compartments=compartments, compartment_id=pk, by=SYSTEM, now=now))
    return tidied


def _take_out(package: Package, now: datetime) -> None:
    if package.status in (Status.PENDING, Status.STORED):
        package = cancel(package_id=package.pk, by=SYSTEM, now=now, reason="the sandbox was tidied")
    if package.holds_door:
        return_to_courier(package_id=package.pk, by=SYSTEM, now=now)


def _is_done(change: Callable[[], object]) -> bool:
    try:
        change()
    except Refusal:
        return False
    return True
