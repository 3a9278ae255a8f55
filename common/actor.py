"""Who acts: the author of a change, as its history names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


@dataclass(frozen=True, slots=True)
class Actor:
    """The author of a change. `packages_app.core.actor` adds what each of them may touch."""

    name: str

    def __str__(self) -> str:
        return self.name


SYSTEM = Actor(name="system")  # the author of what the portal does by itself


def user_name(user: User | AnonymousUser) -> str:
    """Return how histories name a signed-in user: a location manager, or staff."""
    return f"{'staff' if user.is_staff else 'manager'}:{user.get_username()}"
