"""Report compartments that do not answer their kiosk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lockers.models import Compartment
from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.operations.locations.report_broken import report_broken


@Operation
def report_unresponsive(*, compartment_ids: Sequence[int], by: Actor, now: datetime) -> int:
    """Take these compartments of the kiosk `by` out of service and tell the managers; return how many.

    They stay out until a manager puts them back: one that answers now and then is broken as well. Ids of
    compartments that are out of service already, or at another location, are ignored.
    """
    assert by.location_id is not None
    own = Compartment.objects.filter(location_id=by.location_id)
    working = own.filter(pk__in=compartment_ids, out_of_service_at__isnull=True).order_by("pk")
    locked = list(working.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    for pk in locked:
        report_broken.work(compartments=own, compartment_id=pk, by=by, now=now, reason="does not answer")
    return len(locked)
