"""Who manages a location, and how they are written to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lockers.models import Membership
from notifications.messages import Message


@dataclass(frozen=True)
class Manager:
    """Somebody who manages a location now and has an e-mail address."""

    email: str
    name: str
    language: str

    def message(self, facts: dict[str, object]) -> Message:
        """To them, in the language that they chose for this location."""
        return Message(to=self.email, language=self.language, context={"recipient_name": self.name, **facts})


def to_tell(location_id: int) -> list[int]:
    """The users to write to about a location: one for each address, however its letters are written."""
    memberships = Membership.objects.filter(location_id=location_id, user__is_active=True)
    found = memberships.exclude(user__email="").order_by("-user_id").values_list("user__email", "user_id")
    return sorted({email.lower(): user_id for email, user_id in found}.values())


def managers(pairs: Collection[tuple[int, int]]) -> dict[tuple[int, int], Manager]:
    """Who of these (location, user) still manages it and can be written to."""
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
