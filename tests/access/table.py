"""Expectations as a table that people can read: one row a call, one column an actor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from packages_app.life.lifecycle import Status
from packages_app.models import Package
from tests.access.world import World


@dataclass(frozen=True, slots=True)
class Case:
    """What a call needs to succeed for the one whom it belongs to.

    `body` is its JSON or form, or makes it from the world and the ids; `status` is that of the world's
    package; `ids` makes what the call names besides `package_id`, `compartment_id` and `location`.
    """

    body: Any = None
    status: Status = Status.STORED
    ids: Callable[[World, Package], Mapping[str, Any]] | None = None

    def names(self, world: World) -> dict[str, Any]:
        """Makes the package and all else that the call names."""
        package = world.package(self.status)
        ids = {
            "package_id": package.pk,
            "compartment_id": package.compartment_id,
            "location": world.here.code,
        }
        return ids | dict(self.ids(world, package) if self.ids else {})

    def content(self, world: World, ids: Mapping[str, Any]) -> Any:
        """The body, for these ids."""
        return self.body(world, ids) if callable(self.body) else self.body


def read(table: str) -> tuple[list[str], dict[str, dict[str, int]]]:
    """The actors, and for each call what each of them is answered."""
    head, *lines = (line.split() for line in table.strip().splitlines() if line.strip())
    actors = head[1:]
    rows = {}
    for method, path, *numbers in lines:
        assert len(numbers) == len(actors), (
            f"{method} {path}: {len(actors)} numbers, one for each of {actors}"
        )
        rows[f"{method} {path}"] = dict(zip(actors, map(int, numbers), strict=True))
    return actors, rows


def compare(known: set[str], rows: dict[str, dict[str, int]], actors: list[str], where: str) -> None:
    """Fails for a route without a row and for a row without a route, and says what to do."""
    rowed = {call.partition("?")[0] for call in rows}
    missing = "\n".join(
        f"    {call}   {'   '.join(f'<{actor}>' for actor in actors)}" for call in sorted(known - rowed)
    )
    assert not missing, (
        f"New routes need a row each in {where}: the status that each actor is answered with.\n{missing}\n"
        "What needs a body, another status of the package or another id also needs a Case in CASES there."
    )
    assert not rowed - known, f"Rows in {where} whose route has gone: {sorted(rowed - known)}"


def another(value: Any) -> Any:
    """An id of the same form that does not exist."""
    if isinstance(value, UUID):
        return uuid4()
    if isinstance(value, int):
        return value + 10**9
    digits = str(value).isdecimal()
    return "".join(str((int(sign) + 5) % 10) for sign in value) if digits else "X" * len(value)
