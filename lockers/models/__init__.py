"""Locations, lockers, compartments, kiosks, and who manages them."""

from lockers.models.compartment import Compartment, CompartmentEvent, CompartmentQuerySet, Locker, Size
from lockers.models.kiosk import Kiosk
from lockers.models.location import Location, LocationQuerySet, Membership

__all__ = [
    "Compartment",
    "CompartmentEvent",
    "CompartmentQuerySet",
    "Kiosk",
    "Location",
    "LocationQuerySet",
    "Locker",
    "Membership",
    "Size",
]
