"""An extension that is asked for again at once is a retry: see `tests/packages_app/contract` for the API."""

from __future__ import annotations

from datetime import timedelta

import pytest

from packages_app import operations
from packages_app.core.actor import SYSTEM
from packages_app.models import Package
from packages_app.operations.packages.extend import REPEATS_WITHIN, Extension
from tests.world import actor, door, make_courier, make_location, make_package

pytestmark = pytest.mark.django_db


@pytest.fixture
def package() -> Package:
    location = make_location(max_hold_days=30)
    return make_package(make_courier(), door(location, "S1"))


def extend(package: Package, *, hours: int = 24, later: timedelta = timedelta(0), **more: object) -> int:
    """Extend as the courier does, so long after the last line of its history; return by how many hours."""
    package.refresh_from_db()
    assert package.expires_at is not None
    before, last = package.expires_at, package.events.order_by("id").last()
    now = (last.at if last else package.created_at) + later
    arguments = {"by": actor(package.courier), "now": now, "hours": hours, "may_repeat": True, **more}
    after = operations.extend(package_id=package.pk, **arguments).expires_at  # type: ignore[arg-type]
    assert after is not None
    return int((after - before) / timedelta(hours=1))


def test_the_same_call_within_a_minute_extends_once(package: Package) -> None:
    assert [extend(package), extend(package)] == [24, 0]
    assert package.events.count() == 1


@pytest.mark.parametrize(
    "other",
    [{"hours": 23}, {"may_repeat": False}, {"by": SYSTEM}, {"later": REPEATS_WITHIN}],
    ids=lambda other: next(iter(other)),
)
def test_another_call_extends_again(package: Package, other: dict[str, object]) -> None:
    extend(package)
    assert extend(package, **other) > 0  # type: ignore[arg-type]
    assert package.events.count() == 2


def test_the_history_says_by_how_much(package: Package) -> None:
    extend(package, hours=36)
    line = package.events.get()
    assert line.reason == "by 36 h"
    assert Extension.of(line) == Extension(36)


def test_no_other_line_of_history_is_an_extension(package: Package) -> None:
    operations.cancel(package_id=package.pk, by=SYSTEM, now=package.created_at, reason="by 36 h")
    assert Extension.of(package.events.get()) is None
