"""Noon on a Friday; a location, a courier and a kiosk, each with an API key."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from lockers.models import Kiosk, Location
from packages_app.models import Courier
from tests.world import (
    NOW,
    Api,
    courier_api,
    kiosk_api,
    make_kiosk,
)


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def api(courier: Courier) -> Api:
    return courier_api(courier)


@pytest.fixture
def kiosk(location: Location) -> Kiosk:
    return make_kiosk(location)


@pytest.fixture
def screen(kiosk: Kiosk) -> Api:
    return kiosk_api(kiosk)
