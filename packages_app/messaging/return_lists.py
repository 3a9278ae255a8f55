"""Return lists: the packages that a courier has to take back from a location."""

from __future__ import annotations

from collections.abc import Sequence

from lockers.models import Location
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app.models import Courier, Package, PackageQuerySet
from packages_app.payloads import package_json

# In one message; `GET /returns` has them all.
MOST_LINES = 200


def waiting(location_id: int, courier_id: int) -> PackageQuerySet:
    """Return the courier's packages to take back there, oldest first."""
    packages = Package.objects.for_courier(courier_id).to_return().filter(location_id=location_id)
    return packages.select_related("compartment__locker")


def subject(location_id: int, courier_id: int) -> str:
    """Return the subject of its messages."""
    return f"returns:{location_id}:{courier_id}"


def facts(location: Location, courier_id: int, *, day: str) -> dict[str, object]:
    """Return the data of the event `returns.list`."""
    packages = waiting(location.pk, courier_id)
    return {
        "location": location.code,
        "name": location.name,
        "day": day,
        "total": packages.count(),
        "packages": [
            {
                "id": str(package.pk),
                "tracking_number": package.tracking_number,
                "status": str(package.status),
                "compartment": package_json.door(
                    package.compartment_id,
                    package.compartment.locker.name,
                    package.compartment.label,
                    package.compartment.size,
                ),
                "since": package_json.moment(package.cancelled_at or package.expires_at),
            }
            for package in packages[:MOST_LINES]
        ],
    }


def compose(notifications: Sequence[Notification]) -> dict[int, Message | Suppressed]:
    """Return the present list, or the reason why there is none, for each notification about one."""
    ids = {row.pk: tuple(int(part) for part in row.subject.split(":")[1:]) for row in notifications}
    locations = Location.objects.in_bulk([location_id for location_id, _ in ids.values()])
    couriers = Courier.objects.in_bulk([courier_id for _, courier_id in ids.values()])
    return {
        pk: _message(locations[location_id], couriers[courier_id])
        for pk, (location_id, courier_id) in ids.items()
    }


def _message(location: Location, courier: Courier) -> Message | Suppressed:
    if location.sandbox:
        return Suppressed("sandbox")
    if not courier.return_list_email:
        return Suppressed("the courier no longer has an address for it")
    packages = waiting(location.pk, courier.pk)
    lines = [
        {
            "tracking_number": package.tracking_number,
            "compartment": str(package.compartment),
            "since": since.astimezone(location.zone) if since else None,
            "cancelled": package.cancelled_at is not None,
        }
        for package in packages[:MOST_LINES]
        for since in [package.cancelled_at or package.expires_at]
    ]
    if not lines:
        return Suppressed("there is nothing to take back any more")
    total = packages.count()
    context: dict[str, object] = {
        "recipient_name": courier.name,
        "location_name": location.name,
        "location_code": location.code,
        "location_address": ", ".join(part for part in (location.address, location.city) if part),
        "lines": lines,
        "total": total,
        "more": max(0, total - len(lines)),
    }
    return Message(to=courier.return_list_email, language=courier.language, context=context)
