"""Tracking numbers with which a test key gets refusals that are hard to provoke (`pretend.py` has more)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from lockers.models import Location
from packages_app import errors

T = TypeVar("T")


def named(tracking_number: str, table: Mapping[str, T]) -> T | None:
    """Return what a number stands for: `TEST-FULL` and `TEST-FULL-17` do, `TEST-FULLER` does not."""
    for name, meaning in table.items():
        if tracking_number == name or tracking_number.startswith(f"{name}-"):
            return meaning
    return None


def refuse(tracking_number: str, *, location: Location, size: int, accessible: bool) -> None:
    """Raise the refusal that the number stands for, if it stands for one."""
    full = errors.LocationFull(location=location, size=size, accessible=accessible)
    refusals: dict[str, errors.Refusal] = {
        "TEST-FULL": full,
        "TEST-SUSPENDED": errors.LocationSuspended(),
        "TEST-BUSY": errors.BusyTryAgain(),
    }
    refusal = named(tracking_number, refusals)
    if refusal is not None:
        raise refusal
