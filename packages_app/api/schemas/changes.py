"""Request bodies of the calls that change a package."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from packages_app.api.schemas.fields import ReasonText, Strict
from packages_app.api.schemas.people import PersonIn


class ReassignIn(Strict):
    """Why the package needs another compartment."""

    reason: Literal["too_small", "door_stuck", "not_empty", "damaged"]


class FoundIn(Strict):
    """What happened to the package that was found: it stays in its compartment, or was taken out."""

    outcome: Literal["stays", "taken_out"]


class CancelIn(Strict):
    """Why the package is canceled, for its history."""

    reason: ReasonText = ""


class ExtendIn(Strict):
    """By how many hours to extend the hold period."""

    hours: Annotated[int, Field(ge=1, le=168)]


class HoldIn(Strict):
    """Why the package is put on hold, for its history. The recipient does not see it."""

    reason: Literal["fraud", "unpaid", "customs", "other"] = "other"
    note: Annotated[ReasonText, StringConstraints(max_length=150)] = ""


class DelegateIn(PersonIn):
    """Who else may pick up the package. They are sent a code of their own by email, SMS, or both."""
