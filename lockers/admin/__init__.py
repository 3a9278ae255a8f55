"""Locations, lockers and compartments in the admin: to search, to read, and to change through the operations.

Nothing is deleted here: the histories of packages name locations and compartments.
"""

from lockers.admin.doors import CompartmentAdmin, CompartmentEventAdmin, LockerAdmin
from lockers.admin.locations import KioskAdmin, LocationAdmin

__all__ = ["CompartmentAdmin", "CompartmentEventAdmin", "KioskAdmin", "LocationAdmin", "LockerAdmin"]
