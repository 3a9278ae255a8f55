"""Which key may make which call, and the responses to invalid keys."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from lockers.models import Location
from packages_app import operations
from packages_app.api.schemas.kiosks import PickupOut
from packages_app.api.schemas.packages import PackageOut
from packages_app.models import ApiKey, Courier
from tests.packages_app.contract.answers import CHANGES, READS, declared, refused
from tests.world import (
    NOW,
    UNTIL,
    Api,
    code_of,
    door,
    make_key,
    make_location,
    make_package,
    revoke_key,
    wrong_code,
)

pytestmark = pytest.mark.django_db


COURIER_CALLS: list[tuple[str, str]] = [
    ("POST", "/lockers/assign"),
    *(("POST", f"/packages/{uuid.UUID(int=1)}/{call}") for call, _ in CHANGES),
    *(("GET", f"/packages/{uuid.UUID(int=1)}{read}") for read in READS),
    ("GET", "/packages"),
    ("GET", "/returns"),
]
KIOSK_CALLS = [("POST", "/pickup"), ("POST", "/pickup/12345678")]
ANY_KEY_CALLS = [("GET", "/locations"), ("GET", "/locations/TLL-1"), ("GET", "/lockers/status")]


def call(method: str, path: str, key: str | None, **headers: str) -> HttpResponse:
    """Make a call with this Authorization header."""
    more = headers if key is None else {"Authorization": key, **headers}
    client = Client(raise_request_exception=False)
    response: Any = client.generic(
        method, f"/api/v1{path}", b"{}", content_type="application/json", headers=more
    )
    return response  # type: ignore[no-any-return]


@pytest.mark.parametrize(("method", "path"), COURIER_CALLS + KIOSK_CALLS + ANY_KEY_CALLS)
def test_no_call_works_without_a_good_key(
    method: str, path: str, location: Location, courier: Courier, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says why; the response is the same for all."""
    _, unknown = make_key(courier=courier)
    ApiKey.objects.all().delete()
    revoked_key, revoked = make_key(courier=courier)
    revoke_key(revoked_key, now=NOW)
    _, expired = make_key(courier=courier, life=timedelta(seconds=0))
    sleeping = Courier.objects.create(code="asleep", name="x", active=False)
    _, inactive = make_key(courier=sleeping)
    answers = set()
    for key in (
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        f"Token {unknown}",
        "Bearer x",
        f"Bearer {unknown}",
        f"Bearer {revoked}",
        f"Bearer {expired}",
        f"Bearer {inactive}",
        f"Bearer {unknown} {unknown}",
        "Bearer plk_live_\x00_\x00_\x00",
    ):
        answer = call(method, path, key)
        refused(answer, 401, "invalid_key")
        assert answer["WWW-Authenticate"] == 'Bearer realm="Locker Portal"'
        answers.add(answer.content)
    assert len(answers) == 1
    reasons = [record.getMessage() for record in caplog.records if record.name == "packages_app.keys.auth"]
    assert {reason.partition(": ")[2].split(" plk")[0].split(" ")[0] for reason in reasons} == {
        "malformed",
        "unknown",
        "revoked",
        "expired",
        "courier",
    }
    assert not any(key in caplog.text for key in (unknown, revoked, expired, inactive))


@pytest.mark.parametrize(("method", "path"), COURIER_CALLS)
def test_a_kiosk_is_no_courier(method: str, path: str, screen: Api) -> None:
    refused(call(method, path, f"Bearer {screen.key}"), 403, "missing_scope")


@pytest.mark.parametrize(("method", "path"), KIOSK_CALLS)
def test_a_courier_opens_no_doors(method: str, path: str, api: Api) -> None:
    refused(call(method, path, f"Bearer {api.key}"), 403, "missing_scope")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_in_any_case(scheme: str, api: Api) -> None:
    assert call("GET", "/returns", f"{scheme} {api.key}").status_code == 200


def test_a_key_in_the_query_is_no_key_and_is_not_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("api_key", "key", "token", "access_token"):
        refused(call("GET", f"/returns?{name}={api.key}", None), 401, "invalid_key")
    assert api.key not in caplog.text


def test_a_revoked_key_ends_with_the_next_request(courier: Courier) -> None:
    key, text = make_key(courier=courier)
    assert call("GET", "/returns", f"Bearer {text}").status_code == 200
    revoke_key(key, now=NOW)
    refused(call("GET", "/returns", f"Bearer {text}"), 401, "invalid_key")


def test_a_kiosk_sees_its_own_location_only(screen: Api) -> None:
    make_location("RIX-1")
    assert screen.get("/lockers/status", location="TLL-1").status_code == 200
    for missing in ("RIX-1", "NOWHERE"):
        refused(screen.get("/lockers/status", location=missing), 404, "unknown_location")
        refused(screen.get(f"/locations/{missing}"), 404, "unknown_location")


def test_a_forwarded_address_changes_nothing(api: Api) -> None:
    answer = call("GET", "/returns", f"Bearer {api.key}", **{"X-Forwarded-For": "10.0.0.1, evil"})
    assert answer.status_code == 200


def test_one_kiosk_s_lock_out_survives_a_flushed_cache(screen: Api, location: Location) -> None:
    for _ in range(5):
        screen.post("/pickup", {"code": wrong_code(location)})
    cache.clear()
    refused(screen.post("/pickup", {"code": wrong_code(location)}), 429, "too_many_attempts")


def test_expired_while_nobody_looked_then_extended(
    api: Api, screen: Api, location: Location, courier: Courier
) -> None:
    package = make_package(courier, door(location, "S1"))
    operations.expire_due(now=UNTIL)
    with time_machine.travel(UNTIL, tick=False):
        refused(screen.post("/pickup", {"code": code_of(package)}), 409, "expired")
        declared(api.post(f"/packages/{package.pk}/extend", {"hours": 2}), 200, PackageOut)
        declared(screen.post("/pickup", {"code": code_of(package)}), 200, PickupOut)
