"""Tracking numbers with which test keys get rare refusals at a drop-off (`sandbox/pretend.py` has more)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from lockers.models import Location
from packages_app import errors

T = TypeVar("T")


def named(tracking_number: str, table: Mapping[str, T]) -> T | None:
    """Return what the number stands for: `TEST-FULL` and `TEST-FULL-17` are alike, but not `TEST-FULLER`."""
    for name, meaning in table.items():
        if tracking_number == name or tracking_number.startswith(f"{name}-"):
            return meaning
    return None


def refuse(tracking_number: str, *, location: Location, size: int, accessible: bool) -> None:
    """Raise the refusal that the number stands for, if any."""
    full = errors.LocationFull(location=location, size=size, accessible=accessible)
    refusals: dict[str, errors.Refusal] = {
        "TEST-FULL": full,
        "TEST-SUSPENDED": errors.LocationSuspended(),
        "TEST-BUSY": errors.BusyTryAgain(),
    }
    refusal = named(tracking_number, refusals)
    if refusal is not None:
        raise refusal
