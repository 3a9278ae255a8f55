"""Reserved compartments whose deposit was never confirmed, and which may hold the package all the same."""

from __future__ import annotations

from lockers.models import Compartment, CompartmentEvent
from packages_app.life.lifecycle import Status
from packages_app.models import Package


def give_up(package: Package, *, by: str, reason: str) -> None:
    """Give up the package's compartment: free if its door was never opened, else `unverified`.

    The caller has locked the package and moved it to a status in which it occupies no compartment.
    """
    compartment = Compartment.objects.lock(package.compartment_id)
    if package.may_be_inside:
        compartment.mark_unverified(by=by, reason=reason)
    else:
        compartment.release()


def last_in(compartment: Compartment) -> Package | None:
    """Return the package whose reservation left this compartment unverified, and which may be inside.

    None if the compartment was since checked empty or reused, or is unverified for another reason.
    """
    if compartment.occupancy != Compartment.Occupancy.UNVERIFIED:
        return None
    packages = Package.objects.filter(compartment=compartment).select_related("courier")
    package = packages.order_by("-updated_at").first()
    if package is None or package.status != Status.CANCELLED or package.stored_at is not None:
        return None
    given_up = package.events.order_by("-id").first()
    if given_up is None:
        return None
    checked = compartment.events.filter(kind=CompartmentEvent.Kind.CHECKED_EMPTY, at__gt=given_up.at)
    return None if checked.exists() else package
