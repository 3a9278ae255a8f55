"""A location, a courier, a stranger, and a screen."""

from __future__ import annotations

import pytest

from lockers.models import Location
from packages_app.core.actor import Actor, Caller
from packages_app.models import Courier
from tests.world import actor, caller, make_courier, make_kiosk


@pytest.fixture
def courier() -> Courier:
    return make_courier("dpd")


@pytest.fixture
def by(courier: Courier) -> Actor:
    return actor(courier)


@pytest.fixture
def stranger() -> Actor:
    return actor(make_courier("gls"))


@pytest.fixture
def screen(location: Location) -> Caller:
    return caller(make_kiosk(location))
