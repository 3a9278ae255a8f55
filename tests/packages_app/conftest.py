"""Fixtures that several modules of this folder share."""

from __future__ import annotations

import pytest

from lockers.models import Location
from packages_app.models import Courier
from tests.world import make_courier, make_location


@pytest.fixture
def location() -> Location:
    return make_location(time_zone="Europe/Tallinn")


@pytest.fixture
def courier() -> Courier:
    return make_courier()
