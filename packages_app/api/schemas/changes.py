"""What the calls that change a package take."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from packages_app.api.schemas.fields import ReasonText, Strict
from packages_app.api.schemas.people import PersonIn


class ReassignIn(Strict):
    """Why the door will not do (`operations/reassign.py`)."""

    reason: Literal["too_small", "door_stuck", "not_empty", "damaged"]


class FoundIn(Strict):
    """What became of the parcel that was found in its door (`operations/found.py`)."""

    outcome: Literal["stays", "taken_out"]


class CancelIn(Strict):
    """Why, for the history."""

    reason: ReasonText = ""


class ExtendIn(Strict):
    """How much longer."""

    hours: Annotated[int, Field(ge=1, le=168)]


class HoldIn(Strict):
    """Why it is held back, for the history; the recipient does not see it."""

    reason: Literal["fraud", "unpaid", "customs", "other"] = "other"
    note: Annotated[ReasonText, StringConstraints(max_length=150)] = ""


class DelegateIn(PersonIn):
    """Who else may collect: told their own code by e-mail, phone, or both."""
