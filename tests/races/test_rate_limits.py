"""Sixteen at once take what is there, and nothing more."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client
from pytest_django import Settings

from common.redis_client import Helper
from lockers.models import Location
from packages_app.keys import rate_limits
from packages_app.keys.limiter import Limit, Limiter
from packages_app.models import Courier
from tests.races.together import in_rounds, together
from tests.world import Api, door, make_key

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

THREADS = 16


@pytest.fixture(autouse=True)
def limits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RATE_LIMITS = True
    monkeypatch.setattr(rate_limits, "PREFIX", f"test:{uuid.uuid4().hex}")


@pytest.mark.parametrize("processes", [1, 4])
@pytest.mark.parametrize("limit", [Limit(rate=0.001, burst=100), Limit(rate=60.0, burst=3000)])
def test_exactly_so_many_pass(limit: Limit, processes: int) -> None:
    """With one token at a time and with several, in one process and in more."""
    bucket = f"test:{uuid.uuid4().hex}"
    limiters = [Limiter(Helper(configured.REDIS_URL)) for _ in range(processes)]

    def take(number: int, thread: int) -> int:
        passed = 0
        for _ in range(limit.burst // THREADS + 20):
            standing = limiters[thread % processes].take(bucket, limit)
            assert standing is not None
            passed += standing.allowed
        return passed

    (results,) = in_rounds(THREADS, 1, prepare=lambda number: None, work=take)
    passed = sum(one for one in results if isinstance(one, int))
    refill = 0 if limit.rate < 1 else limit.rate * 30  # no test of ours takes longer
    assert limit.burst - processes * limit.lease <= passed <= limit.burst + refill
    if limit.lease == 1:
        assert passed == limit.burst


def test_calls_of_one_key(courier: Courier, settings: Settings) -> None:
    settings.RATE_LIMIT_KEY = (0.001, 20)
    text = make_key(courier=courier)[1]
    api = Api(text, Client())
    answers: list[Any] = together(
        *(lambda: Api(api.key, Client()).get("/locations") for _ in range(THREADS * 3))
    )
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 429}
    assert statuses.count(200) == 20


def test_reports_of_one_courier(courier: Courier, location: Location, settings: Settings) -> None:
    settings.RATE_LIMIT_FAULTS = (0.001, 5)
    keys = [make_key(courier=courier)[1] for _ in range(4)]
    path = f"/compartments/{door(location, 'S1').pk}/faults"

    def report(number: int) -> Any:
        return Api(keys[number % 4], Client()).post(path, {"kind": "dirty"})

    answers: list[Any] = together(*(lambda number=number: report(number) for number in range(THREADS)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(201) == 5
    assert statuses.count(429) == THREADS - 5
