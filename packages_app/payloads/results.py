"""The results of a drop-off and a pickup, as plain values: their rows are never read as models."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from lockers.models import Location
from packages_app.models import Package


@dataclass(frozen=True, slots=True)
class Assigned:
    """The new package, and the compartment to open; in a draft `compartment_id` is 0."""

    package: Package
    location: Location
    compartment_id: int
    label: str
    locker: str
    compartment_size: int


@dataclass(frozen=True, slots=True)
class Opened:
    """The compartment to open, and the package inside."""

    package_id: UUID
    compartment_id: int
    label: str
    locker: str
    compartment_size: int
    repeated: bool = field(default=False, compare=False, repr=False)  # an earlier pickup's answer
