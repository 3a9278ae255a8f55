"""Locations, lockers, compartments, kiosks, and who manages them."""

from lockers.models.compartment import Compartment, CompartmentEvent, CompartmentQuerySet, Locker, Size
from lockers.models.downtime import Downtime
from lockers.models.kiosk import Kiosk
from lockers.models.location import Location, LocationQuerySet, Membership
from lockers.models.repair import Repair, RepairQuerySet
from lockers.models.usage import Shortage, UsageSnapshot

__all__ = [
    "Compartment",
    "CompartmentEvent",
    "CompartmentQuerySet",
    "Downtime",
    "Kiosk",
    "Location",
    "LocationQuerySet",
    "Locker",
    "Membership",
    "Repair",
    "RepairQuerySet",
    "Shortage",
    "Size",
    "UsageSnapshot",
]
