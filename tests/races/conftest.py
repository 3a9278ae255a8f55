"""A location and a courier; rows are really committed, so every test begins with an empty database."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from lockers.models import Location
from packages_app.models import Courier
from tests.world import make_courier, make_location


@pytest.fixture(autouse=True)
def nobody_is_woken(settings: Settings) -> None:
    """The messages are counted, not sent."""
    settings.NOTIFICATION_NUDGE = False


@pytest.fixture
def location(transactional_db: None) -> Location:
    return make_location(small=6, medium=4, large=2)


@pytest.fixture
def courier(transactional_db: None) -> Courier:
    return make_courier()
