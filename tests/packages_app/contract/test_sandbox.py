"""Test keys: tracking numbers that trigger responses, and no messages that are really sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from lockers.models import Compartment, Kiosk, Location
from notifications.delivery import people
from notifications.models import Notification
from notifications.sms import locmem
from packages_app import operations
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, IdempotencyKey, Package
from packages_app.operations.sandbox.tidy_sandbox_due import KEEPS
from tests.factories import UserFactory
from tests.packages_app.contract.answers import refused
from tests.world import NOW, Api, courier_api, door, kiosk_api, make_key, make_kiosk, make_location, parcel

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Location:
    return make_location("SANDBOX-1", latitude=59, longitude=24, sandbox=True)


@pytest.fixture
def api(courier: Courier, place: Location) -> Api:
    scopes = ["packages", "codes:read"]
    return Api(make_key(courier=courier, test=True, scopes=scopes)[1], Client(raise_request_exception=False))


def bring(api: Api, number: str, key: str | None = None, **more: Any) -> Any:
    return api.post("/lockers/assign", parcel("SANDBOX-1", number, **more), key=key)


def now_is(api: Api, answer: Any) -> Any:
    assert answer.status_code == 201, answer.content
    return api.get(f"/packages/{answer.json()['id']}").json()


def history(api: Api, answer: Any) -> list[str]:
    lines = api.get(f"/packages/{answer.json()['id']}/events").json()["items"]
    return [line["event"] for line in lines]


def test_a_usual_number_does_what_it_always_does(api: Api) -> None:
    for number in ("T-1", "TEST", "TEST-FULLER", "test-full", "X-TEST-FULL", "TEST-COLLECTEDLY"):
        answer = bring(api, number)
        assert now_is(api, answer)["status"] == "STORED"
        assert history(api, answer) == ["assigned", "deposited"]


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [
        ("TEST-FULL", 409, "location_full"),
        ("TEST-FULL-17", 409, "location_full"),
        ("TEST-SUSPENDED", 409, "location_suspended"),
        ("TEST-BUSY", 503, "busy"),
        ("TEST-RATE-LIMITED", 429, "rate_limited"),
    ],
)
def test_refusals(api: Api, number: str, status: int, code: str) -> None:
    answer = bring(api, number, key="k")
    refused(answer, status, code)
    assert not Package.objects.exists()
    assert IdempotencyKey.objects.exists() == (status == 409)
    assert ("Retry-After" in answer) == (status != 409)


def test_full_names_the_other_sandbox(api: Api) -> None:
    make_location("SANDBOX-2", latitude=57, longitude=24, sandbox=True)
    make_location("TLL-2", latitude=59, longitude=24)
    said = bring(api, "TEST-FULL").json()
    assert [other["location"] for other in said["alternatives"]] == ["SANDBOX-2"]


def test_full_with_a_queue_is_a_place_in_it_and_then_a_door(api: Api) -> None:
    answer = bring(api, "TEST-FULL", queue=True)
    assert answer.status_code == 202, answer.content
    assert answer.json()["status"] == "WAITING"
    assert operations.grant_due(now=NOW) == 1
    entry = api.get(f"/queue/{answer.json()['id']}").json()
    assert entry["status"] == "GRANTED"
    assert api.get(f"/packages/{entry['package_id']}").json()["status"] == "PENDING"


def test_a_refusal_is_no_way_to_find_out_about_other_places(api: Api, location: Location) -> None:
    answer = api.post("/lockers/assign", parcel(location, "TEST-FULL"))
    refused(answer, 404, "unknown_location")


def test_the_door_sticks_and_another_one_is_given(api: Api, place: Location) -> None:
    answer = bring(api, "TEST-DOOR-STUCK", deposited=False)
    stuck = Compartment.objects.get(pk=answer.json()["compartment"]["id"])
    assert stuck.out_of_service_at is not None
    assert now_is(api, answer)["status"] == "PENDING"
    path = f"/packages/{answer.json()['id']}"
    moved = api.post(f"{path}/reassign", {"reason": "door_stuck"})
    assert moved.status_code == 200
    other = Compartment.objects.get(pk=moved.json()["compartment"]["id"])
    assert other != stuck
    assert other.out_of_service_at is None
    stored = api.post(f"{path}/deposit")
    assert stored.json()["status"] == "STORED"
    other.refresh_from_db()
    assert other.out_of_service_at is None


def test_the_recipient_collects_at_once(api: Api) -> None:
    answer = bring(api, "TEST-COLLECTED")
    assert answer.json()["status"] == "STORED"  # as it was when the answer was made
    assert now_is(api, answer)["status"] == "RETRIEVED"
    assert history(api, answer) == ["assigned", "deposited", "retrieved"]


def test_what_is_reserved_is_collected_after_the_deposit(api: Api) -> None:
    answer = bring(api, "TEST-COLLECTED", deposited=False)
    assert now_is(api, answer)["status"] == "PENDING"
    assert api.post(f"/packages/{answer.json()['id']}/deposit").json()["status"] == "STORED"
    assert now_is(api, answer)["status"] == "RETRIEVED"


def test_the_door_sticks_for_the_recipient(api: Api) -> None:
    answer = bring(api, "TEST-PICKUP-STUCK")
    assert now_is(api, answer)["status"] == "STORED"
    assert history(api, answer) == ["assigned", "deposited", "retrieved", "door_failed"]
    assert door(Location.objects.get(code="SANDBOX-1"), "S1").status == Compartment.Status.UNVERIFIED


def test_the_hold_ends_at_once(api: Api) -> None:
    answer = bring(api, "TEST-EXPIRED")
    assert now_is(api, answer)["status"] == "EXPIRED"
    waiting = api.get("/returns", location="SANDBOX-1").json()["items"]
    assert [row["id"] for row in waiting] == [answer.json()["id"]]
    assert api.post(f"/packages/{answer.json()['id']}/return").json()["status"] == "RETURNED"


def test_a_repeat_plays_nothing_again(api: Api) -> None:
    first, second = (bring(api, "TEST-PICKUP-STUCK", key="k") for _ in range(2))
    assert second["Idempotent-Replayed"] == "true"
    assert first.content == second.content
    assert history(api, first).count("door_failed") == 1


def test_one_number_may_be_rehearsed_again_and_again(api: Api) -> None:
    for number in range(3):
        assert now_is(api, bring(api, "TEST-COLLECTED", key=f"k{number}"))["status"] == "RETRIEVED"
    refused_for_good = [bring(api, "T-1").status_code for _ in range(2)]
    assert refused_for_good == [201, 409]


def test_a_live_key_plays_nothing(courier: Courier, location: Location) -> None:
    live = courier_api(courier)
    for number in ("TEST-FULL", "TEST-COLLECTED", "TEST-RATE-LIMITED"):
        answer = live.post("/lockers/assign", parcel(location, number))
        assert now_is(live, answer)["status"] == "STORED"


def test_what_happens_in_between_is_no_fault_of_ours(api: Api, place: Location) -> None:
    """The kiosk of the sandbox waits after wrong codes, like any other."""
    bring(api, "TEST-COLLECTED", key="first")
    Kiosk.objects.update(wrong_codes_in_row=5, locked_until=NOW.replace(year=2027))
    answer = bring(api, "TEST-COLLECTED", key="second")
    assert now_is(api, answer)["status"] == "STORED"


def test_no_message_is_sent(api: Api, place: Location) -> None:
    UserFactory.create(manages=[place])
    for number in ("T-1", "TEST-COLLECTED", "TEST-EXPIRED", "TEST-PICKUP-STUCK", "TEST-DOOR-STUCK"):
        bring(api, number)
    locmem.outbox.clear()
    people.deliver_due()
    rows = Notification.objects.all()
    assert rows.count() > 8
    assert {row.status for row in rows} == {"suppressed"}
    assert {row.reason for row in rows} == {"sandbox"}
    assert mail.outbox == []
    assert locmem.outbox == []


def test_what_would_have_been_sent_can_be_read(api: Api) -> None:
    answer = bring(api, "T-1")
    people.deliver_due()
    told = api.get(f"/packages/{answer.json()['id']}/notifications").json()["items"]
    assert [(row["kind"], row["status"]) for row in told] == [("stored", "suppressed")] * 2


def test_the_way_of_a_package_with_a_screen_of_one_s_own(api: Api, place: Location) -> None:
    answer = bring(api, "T-1")
    screen = kiosk_api(make_kiosk(place))
    opened = screen.post("/pickup", {"code": answer.json()["pickup_code"]})
    assert opened.json()["status"] == "RETRIEVED"


class TestTidying:
    def test_the_next_day_there_is_room_again(self, api: Api, place: Location) -> None:
        for number in ("T-1", "TEST-EXPIRED", "TEST-PICKUP-STUCK", "TEST-DOOR-STUCK"):
            bring(api, number)
        bring(api, "T-2", deposited=False)
        cancelled = bring(api, "T-3", size="LARGE")
        api.post(f"/packages/{cancelled.json()['id']}/cancel")
        assert operations.tidy_sandbox_due(now=NOW + KEEPS) == 6
        doors = Compartment.objects.filter(location=place)
        assert doors.free().count() == doors.count()
        assert not Package.objects.in_door().exists()
        assert operations.tidy_sandbox_due(now=NOW + KEEPS) == 0

    def test_what_is_new_stays_and_only_doors_are_mended(self, api: Api, place: Location) -> None:
        kept = bring(api, "TEST-DOOR-STUCK")
        assert operations.tidy_sandbox_due(now=NOW) == 0
        assert now_is(api, kept)["status"] == "STORED"
        assert not Compartment.objects.filter(out_of_service_at__isnull=False).exists()

    def test_the_network_is_not_touched(self, courier: Courier, location: Location, place: Location) -> None:
        live = courier_api(courier)
        answer = live.post("/lockers/assign", parcel(location))
        live.post(f"/compartments/{door(location, 'L1').pk}/faults", {"kind": "damaged"})
        assert operations.tidy_sandbox_due(now=NOW + KEEPS * 2) == 0
        assert Package.objects.get(pk=answer.json()["id"]).status == Status.STORED
        assert door(location, "L1").out_of_service_at is not None
