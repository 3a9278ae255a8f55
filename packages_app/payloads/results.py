"""What a drop-off and a pickup give: as plain values, for the rows are never read as models."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from lockers.models import Location
from packages_app.models import Package


@dataclass(frozen=True, slots=True)
class Assigned:
    """The new package, and the door to open; in a draft of it `compartment_id` is 0."""

    package: Package
    location: Location
    compartment_id: int
    label: str
    locker: str
    compartment_size: int


@dataclass(frozen=True, slots=True)
class Opened:
    """The door to open, and whose package lies in it."""

    package_id: UUID
    compartment_id: int
    label: str
    locker: str
    compartment_size: int
    repeated: bool = field(default=False, compare=False, repr=False)  # an earlier pickup's answer
