"""Fixtures that several modules of this folder share."""

from __future__ import annotations

import pytest

from lockers.models import Location
from packages_app.models import Courier, Package
from tests.world import door, make_package


@pytest.fixture
def package(courier: Courier, location: Location) -> Package:
    return make_package(courier, door(location, "S1"))
