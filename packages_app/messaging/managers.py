"""The managers of a location, and how to write to them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lockers.models import Membership
from notifications.messages import Message


@dataclass(frozen=True)
class Manager:
    """A manager of a location who has an email address."""

    email: str
    name: str
    language: str

    def message(self, facts: dict[str, object]) -> Message:
        """Return a message to them, in the language that they chose for this location."""
        return Message(to=self.email, language=self.language, context={"recipient_name": self.name, **facts})


def to_tell(location_id: int) -> list[int]:
    """Return the ids of the users to write to about a location: one for each address, ignoring case."""
    memberships = Membership.objects.filter(location_id=location_id, user__is_active=True)
    found = memberships.exclude(user__email="").order_by("-user_id").values_list("user__email", "user_id")
    return sorted({email.lower(): user_id for email, user_id in found}.values())


def managers(pairs: Collection[tuple[int, int]]) -> dict[tuple[int, int], Manager]:
    """Return those of these (location, user) pairs who still manage it and have an address."""
    found = Membership.objects.filter(
        location_id__in={location_id for location_id, _ in pairs},
        user_id__in={user_id for _, user_id in pairs},
        user__is_active=True,
    ).exclude(user__email="")
    return {
        (one.location_id, one.user_id): Manager(
            email=one.user.email,
            name=one.user.get_full_name() or one.user.get_username(),
            language=one.language,
        )
        for one in found.select_related("user")
    }
