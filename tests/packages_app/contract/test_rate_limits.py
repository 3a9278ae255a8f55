"""Too many calls: 429 with Retry-After, and headers with the remaining calls."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from common.redis_client import Helper
from lockers.models import Location
from packages_app.keys import limiter, rate_limits
from packages_app.keys.limiter import Limiter
from packages_app.models import Courier, IdempotencyKey, Package
from tests.packages_app.contract.answers import refused
from tests.world import Api, courier_api, door, kiosk_api, make_courier, make_key, make_kiosk, parcel

pytestmark = pytest.mark.django_db

ITEM = re.compile(r'"([a-z-]+)";([a-z])=([0-9]+);([a-z])=([0-9]+)')


@pytest.fixture(autouse=True)
def limits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RATE_LIMITS = True
    monkeypatch.setattr(rate_limits, "PREFIX", f"test:{uuid.uuid4().hex}")


def header(answer: Any, name: str) -> dict[str, tuple[int, int]]:
    """Return the items of the header by name, with two figures each."""
    items = answer[name].split(", ")
    found = [ITEM.fullmatch(item) for item in items]
    assert all(found), items
    letters = {"RateLimit": "rt", "RateLimit-Policy": "qw"}[name]
    assert all(match and match[2] + match[4] == letters for match in found)
    return {match[1]: (int(match[3]), int(match[5])) for match in found if match}


@pytest.fixture
def few(settings: Settings, courier: Courier) -> Api:
    """Limit the key to two calls."""
    settings.RATE_LIMIT_KEY = (0.001, 2)
    return courier_api(courier)


def test_a_good_answer_says_how_it_stands(api: Api) -> None:
    answer = api.get("/locations")
    assert header(answer, "RateLimit-Policy") == {"key": (20_000, 4)}
    assert header(answer, "RateLimit") == {"key": (19_999, 1)}


def test_a_refusal_too(api: Api) -> None:
    assert header(api.get("/locations/XXX"), "RateLimit")["key"][0] < 20_000


def test_too_many(few: Api) -> None:
    answers = [few.get("/locations") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [header(answer, "RateLimit")["key"][0] for answer in answers] == [1, 0, 0]
    refused(answers[2], 429, "rate_limited")
    assert 990 <= int(answers[2]["Retry-After"]) <= 1000
    assert answers[2].json()["retry_after"] == int(answers[2]["Retry-After"])


def test_a_key_may_have_figures_of_its_own(courier: Courier) -> None:
    api = Api(make_key(courier=courier, calls_per_second=2, burst=3)[1], Client())
    first = api.get("/locations")
    assert header(first, "RateLimit-Policy") == {"key": (3, 2)}
    assert header(first, "RateLimit")["key"][0] == 2
    assert 429 in [api.get("/locations").status_code for _ in range(200)]
    other = Api(make_key(courier=courier, calls_per_second=7)[1], Client())
    assert header(other.get("/locations"), "RateLimit-Policy") == {"key": (35, 5)}


def test_others_are_not_in_the_way(few: Api, courier: Courier, screen: Api) -> None:
    assert [few.get("/locations").status_code for _ in range(3)] == [200, 200, 429]
    assert courier_api(courier).get("/locations").status_code == 200
    assert screen.get("/lockers/status").status_code == 200


def test_a_kiosk_s_key_as_well(settings: Settings, screen: Api) -> None:
    settings.RATE_LIMIT_KEY = (0.001, 1)
    assert screen.post("/pickup", {"code": "12345678"}).status_code == 404
    refused(screen.post("/pickup", {"code": "12345678"}), 429, "rate_limited")


def test_it_is_not_kept_under_an_idempotency_key(few: Api, courier: Courier, location: Location) -> None:
    assert [few.get("/locations").status_code for _ in range(2)] == [200, 200]
    body = parcel(location, "T-1")
    refused(few.post("/lockers/assign", body, key="k"), 429, "rate_limited")
    assert not IdempotencyKey.objects.exists()
    assert not Package.objects.exists()
    assert courier_api(courier).post("/lockers/assign", body, key="k").status_code == 201


class TestFaults:
    @pytest.fixture(autouse=True)
    def two(self, settings: Settings) -> None:
        settings.RATE_LIMIT_FAULTS = (0.001, 2)

    def report(self, api: Api, location: Location, label: str = "S1") -> Any:
        return api.post(f"/compartments/{door(location, label).pk}/faults", {"kind": "damaged"})

    def test_of_one_courier_with_all_its_keys(self, courier: Courier, location: Location) -> None:
        answers = [self.report(courier_api(courier), location) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert header(answers[0], "RateLimit-Policy") == {"key": (20_000, 4), "faults": (2, 2000)}
        assert [header(answer, "RateLimit")["faults"][0] for answer in answers] == [1, 0, 0]
        refused(answers[2], 429, "rate_limited")
        assert 990 <= int(answers[2]["Retry-After"]) <= 1000
        assert self.report(courier_api(make_courier("gls")), location).status_code == 201

    def test_a_refused_report_changes_nothing(self, courier: Courier, location: Location) -> None:
        api = courier_api(courier)
        for label in ("S1", "S2", "M1"):
            self.report(api, location, label)
        assert door(location, "S2").out_of_service_at is not None
        assert door(location, "M1").out_of_service_at is None

    def test_a_kiosk_reports_its_own_doors_as_often_as_it_must(self, location: Location) -> None:
        screen = kiosk_api(make_kiosk(location, "second"))
        assert [self.report(screen, location).status_code for _ in range(4)] == [201] * 4


class TestKeysThatOpenNothing:
    @pytest.fixture(autouse=True)
    def three(self, settings: Settings) -> None:
        settings.RATE_LIMIT_FAILED_KEYS = (0.001, 3)

    def call(self, key: str, address: str = "192.0.2.1") -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        return Client(REMOTE_ADDR=address).get("/api/v1/returns", headers=headers)

    def test_from_one_address(self) -> None:
        answers = [self.call("nonsense") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [401] * 3 + [429] * 2
        assert len({answer.content for answer in answers[:3]}) == 1
        refused(answers[3], 429, "rate_limited")
        assert int(answers[3]["Retry-After"]) > 900
        assert self.call("nonsense", "192.0.2.2").status_code == 401

    def test_of_ipv6_it_is_the_customer_s_network(self) -> None:
        statuses = [self.call("nonsense", f"2001:db8::{number}").status_code for number in range(1, 5)]
        assert statuses == [401, 401, 401, 429]
        assert self.call("nonsense", "2001:db8:0:1::1").status_code == 401

    def test_nobody_locks_out_whose_key_is_good(self, courier: Courier) -> None:
        for _ in range(5):
            self.call("nonsense")
        assert self.call(make_key(courier=courier)[1]).status_code == 200

    def test_a_call_without_a_key_is_no_try(self) -> None:
        for _ in range(5):
            assert Client(REMOTE_ADDR="192.0.2.1").get("/api/v1/returns").status_code == 401
        assert self.call("nonsense").status_code == 401

    def test_keys_typed_at_a_screen_count_too(self) -> None:
        screen = Client(REMOTE_ADDR="192.0.2.1")
        said = [screen.post("/kiosk/connect/", {"key": "nonsense"}).content.decode() for _ in range(4)]
        assert all("is not valid. Check" in page for page in said[:3])
        assert "Too many invalid keys" in said[3]


class TestWithoutRedis:
    @pytest.fixture(autouse=True)
    def away(self, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
        nobody = Limiter(Helper("redis://127.0.0.1:1/0"))
        monkeypatch.setattr(rate_limits, "limiter", lambda: nobody)
        settings.RATE_LIMIT_FAULTS = settings.RATE_LIMIT_FAILED_KEYS = (0.001, 1)

    def test_everything_is_let_through_and_nothing_told(
        self, courier: Courier, location: Location, settings: Settings
    ) -> None:
        settings.RATE_LIMIT_KEY = (0.001, 1)
        api = courier_api(courier)
        answers = [api.get("/locations") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 5
        assert not any("RateLimit" in answer for answer in answers)
        path = f"/compartments/{door(location, 'S1').pk}/faults"
        assert [api.post(path, {"kind": "dirty"}).status_code for _ in range(3)] == [201] * 3
        assert [Api("nonsense", Client()).get("/returns").status_code for _ in range(3)] == [401] * 3


def test_switched_off_nothing_is_counted(
    courier: Courier, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(*arguments: Any) -> None:
        raise AssertionError("Redis was asked")

    settings.RATE_LIMITS = False
    monkeypatch.setattr(limiter.Limiter, "take", take)
    settings.RATE_LIMIT_KEY = (0.001, 1)
    api = courier_api(courier)
    assert [api.get("/locations").status_code for _ in range(3)] == [200] * 3
