"""Fixtures that several modules of this folder share."""

from __future__ import annotations

import pytest

from lockers.models import Location
from tests.world import make_location


@pytest.fixture
def location() -> Location:
    return make_location("TLL-1", time_zone="Europe/Tallinn")
