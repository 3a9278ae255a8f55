"""What the tests of operations look at afterwards."""

from __future__ import annotations

from typing import Any

from lockers.models import Compartment, CompartmentEvent
from notifications.models import Notification
from packages_app.models import Package


def row(package: Package) -> Package:
    """As it stands in the database."""
    return Package.objects.select_related("compartment").get(pk=package.pk)


def history(package: Package) -> list[tuple[str, str, str, str, str]]:
    """Event, from, to, who, reason; oldest first."""
    return list(
        package.events.order_by("id").values_list("event", "from_status", "to_status", "by", "reason")
    )


def told(package: Package) -> list[tuple[str, str]]:
    """Kind and channel of every message about it."""
    messages = Notification.objects.about(f"package:{package.pk}")
    return sorted(messages.values_list("kind", "channel"))


def state(compartment: Compartment) -> tuple[str, str]:
    """Occupancy and what people see."""
    now = Compartment.objects.get(pk=compartment.pk)
    return now.occupancy, now.status


def door_history(compartment: Compartment) -> list[tuple[str, str, str]]:
    """Kind, who, reason; oldest first."""
    lines = CompartmentEvent.objects.filter(compartment=compartment).order_by("id")
    return list(lines.values_list("kind", "by", "reason"))


def everything(package: Package) -> dict[str, Any]:
    """All that a refusal must leave as it was."""
    return {
        "package": Package.objects.filter(pk=package.pk).values().get(),
        "history": history(package),
        "told": told(package),
        "doors": list(Compartment.objects.order_by("id").values()),
        "door_events": CompartmentEvent.objects.count(),
    }
