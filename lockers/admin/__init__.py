"""Places and doors in the admin: to look at, to search, and to act on with the same calls as everybody else.

Nothing is deleted here: doors and locations stand in the history of packages.
"""

from lockers.admin.doors import CompartmentAdmin, CompartmentEventAdmin, LockerAdmin
from lockers.admin.locations import KioskAdmin, LocationAdmin

__all__ = ["CompartmentAdmin", "CompartmentEventAdmin", "KioskAdmin", "LocationAdmin", "LockerAdmin"]
