"""What becomes of a reserved door whose deposit was never confirmed, and whose parcel may lie in it."""

from __future__ import annotations

from lockers.models import Compartment, CompartmentEvent
from packages_app.life.lifecycle import Status
from packages_app.models import Package


def give_up(package: Package, *, by: str, reason: str) -> None:
    """The package's door is nobody's any more: free when it was never opened, else `unverified`.

    The caller holds the package's lock and has released it.
    """
    door = Compartment.objects.lock(package.compartment_id)
    if package.may_be_inside:
        door.mark_unverified(by=by, reason=reason)
    else:
        door.release()


def last_in(door: Compartment) -> Package | None:
    """The package whose reservation left this door unverified, and whose parcel may lie in it.

    None once somebody has found the door empty, another package has had it, or it has any other reason.
    """
    if door.occupancy != Compartment.Occupancy.UNVERIFIED:
        return None
    packages = Package.objects.filter(compartment=door).select_related("courier")
    package = packages.order_by("-updated_at").first()
    if package is None or package.status != Status.CANCELLED or package.stored_at is not None:
        return None
    given_up = package.events.order_by("-id").first()
    if given_up is None:
        return None
    looked = door.events.filter(kind=CompartmentEvent.Kind.CHECKED_EMPTY, at__gt=given_up.at)
    return None if looked.exists() else package
