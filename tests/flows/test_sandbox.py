"""A day of rehearsals, in real transactions: everything is as the rules say, and in order the next day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from lockers.models import Compartment
from packages_app import operations
from packages_app.models import Package
from packages_app.sandbox.pretend import ON_DEPOSIT, ON_DOOR
from tests.races.together import assert_sound
from tests.world import Api, kiosk_api, make_courier, make_key, make_kiosk, make_location, parcel

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_day_of_rehearsals(settings: Settings) -> None:
    settings.NOTIFICATION_NUDGE = False
    place = make_location("SANDBOX-1", small=12, medium=0, large=0, sandbox=True)
    screen = kiosk_api(make_kiosk(place))
    text = make_key(courier=make_courier(), test=True, scopes=["packages", "codes:read"])[1]
    api = Api(text, Client())

    def bring(number: str, **more: Any) -> Any:
        answer = api.post("/lockers/assign", parcel(place, number, **more))
        assert answer.status_code == 201, answer.content
        return answer.json()

    collected = bring("T-1")
    assert screen.post("/pickup", {"code": collected["pickup_code"]}).status_code == 200
    for number in (*ON_DOOR, *ON_DEPOSIT):
        bring(number)
        api.post(f"/packages/{bring(f'{number}-2', deposited=False)['id']}/deposit")
    assert_sound()

    assert operations.tidy_sandbox_due(now=timezone.now() + timedelta(hours=25)) == 6
    assert Compartment.objects.free().count() == 12
    assert not Package.objects.in_door().exists()
    assert_sound()
