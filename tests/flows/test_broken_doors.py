"""Doors that do not work: a fault is reported, a door stays shut at a pickup, doors do not answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db.models import F

from lockers.models import Compartment, Kiosk, Location
from notifications.delivery.people import deliver_due
from notifications.models import Notification
from packages_app.invariants import audit
from packages_app.models import Package
from tests import world
from tests.factories import UserFactory
from tests.world import Api

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place() -> Location:
    location = world.make_location(time_zone="Europe/Tallinn")
    UserFactory.create(username="kaja", manages=[location])
    return location


@pytest.fixture
def courier(place: Location) -> Api:
    return world.courier_api(world.make_courier(), codes_read=True)


@pytest.fixture
def kiosk(place: Location) -> Api:
    return world.kiosk_api(world.make_kiosk(place))


def collect(courier: Api, kiosk: Api, place: Location, **parcel: Any) -> Any:
    package = courier.post("/lockers/assign", world.parcel(place, **parcel)).json()
    opened = kiosk.post("/pickup", {"code": package["pickup_code"], "nonce": "n1"})
    assert opened.status_code == 200
    return package


def counts(courier: Api, place: Location) -> Any:
    (item,) = courier.get("/lockers/status", location=place.code).json()
    return next(row for row in item["sizes"] if row["size"] == "SMALL")


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("door_stuck", "out_of_service"),
        ("damaged", "out_of_service"),
        ("dirty", "out_of_service"),
        ("not_empty", "unverified"),
    ],
)
def test_a_reported_door_is_given_to_nobody_and_its_managers_are_told(
    place: Location, courier: Api, kind: str, status: str
) -> None:
    door = world.door(place, "S1")
    answer = courier.post(f"/compartments/{door.pk}/faults", {"kind": kind, "note": "hinge"})
    assert answer.status_code == 201
    assert answer.json() == {
        "compartment": {"id": door.pk, "locker": "A", "label": "S1", "size": "SMALL"},
        "kind": kind,
        "status": status,
    }
    taken = [
        courier.post("/lockers/assign", world.parcel(place)).json()["compartment"]["id"] for _ in range(5)
    ]
    assert door.pk not in taken
    deliver_due()
    told = [message for message in mail.outbox if message.to == ["kaja@example.com"]]
    assert len(told) == 1
    assert "A-S1" in told[0].subject
    assert "hinge" in told[0].body


def test_a_door_reported_twice_is_told_of_once(place: Location, courier: Api, kiosk: Api) -> None:
    door = world.door(place, "S1")
    for api in (courier, kiosk):
        assert api.post(f"/compartments/{door.pk}/faults", {"kind": "damaged"}).status_code == 201
    assert Notification.objects.filter(kind="door_out_of_service").count() == 1


def test_the_same_report_under_one_key_is_one_report(place: Location, courier: Api) -> None:
    door = world.door(place, "S1")
    answers = [courier.post(f"/compartments/{door.pk}/faults", {"kind": "dirty"}, key="k") for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert answers[1]["Idempotent-Replayed"] == "true"
    assert door.events.count() == 1


def test_what_lies_in_a_broken_door_can_be_collected(place: Location, courier: Api, kiosk: Api) -> None:
    package = courier.post("/lockers/assign", world.parcel(place)).json()
    door = package["compartment"]["id"]
    assert (
        courier.post(f"/compartments/{door}/faults", {"kind": "not_empty"}).json()["status"]
        == "out_of_service"
    )
    assert kiosk.post("/pickup", {"code": package["pickup_code"]}).status_code == 200
    assert not any(finding.violations for finding in audit.run())


@pytest.mark.parametrize(
    ("body", "field"),
    [({"kind": "ghost"}, "kind"), ({}, "kind"), ({"kind": "dirty", "note": "x" * 151}, "note")],
)
def test_a_report_that_makes_no_sense_is_refused(
    place: Location, courier: Api, body: Any, field: str
) -> None:
    door = world.door(place, "S1")
    answer = courier.post(f"/compartments/{door.pk}/faults", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert not door.events.exists()


def test_a_kiosk_reports_its_own_doors_only(place: Location, kiosk: Api) -> None:
    foreign = world.door(world.make_location("RIX-1"), "S1")
    answers = [
        kiosk.post(f"/compartments/{pk}/faults", {"kind": "dirty"}) for pk in (foreign.pk, foreign.pk + 10**6)
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    bodies = [{**answer.json(), "instance": ""} for answer in answers]
    assert bodies[0] == bodies[1]
    assert bodies[0]["code"] == "unknown_compartment"


@pytest.mark.parametrize("door", ["0", "-1", str(2**63), str(10**20), "x", "1.5"])
def test_a_door_that_cannot_exist_does_not(place: Location, courier: Api, door: str) -> None:
    assert courier.post(f"/compartments/{door}/faults", {"kind": "dirty"}).status_code == 404


def test_a_door_that_stayed_shut_gives_the_package_back_its_code(
    place: Location, courier: Api, kiosk: Api
) -> None:
    package = collect(courier, kiosk, place)
    answer = kiosk.post(f"/pickup/{package['id']}/door-failed")
    assert answer.status_code == 200
    assert answer.json()["status"] == "STORED"
    assert "pickup_code" not in answer.json()
    assert counts(courier, place)["unverified"] == 1
    assert not any(finding.violations for finding in audit.run())

    deliver_due()
    kinds = {(row.kind, row.channel): row.status for row in Notification.objects.all()}
    assert kinds["door_failed", "email"] == kinds["door_failed", "sms"] == "sent"
    assert kinds["retrieved", "email"] == "suppressed"
    assert any(message.to == ["kaja@example.com"] for message in mail.outbox)

    again = kiosk.post("/pickup", {"code": package["pickup_code"]})
    assert again.status_code == 200
    assert counts(courier, place)["unverified"] == 0
    assert not any(finding.violations for finding in audit.run())


def test_said_again_the_answer_is_the_same_and_nothing_happens_twice(
    place: Location, courier: Api, kiosk: Api
) -> None:
    """The kiosk lost the answer."""
    package = collect(courier, kiosk, place)
    first = kiosk.post(f"/pickup/{package['id']}/door-failed")
    told = Notification.objects.count()
    for _ in range(2):
        again = kiosk.post(f"/pickup/{package['id']}/door-failed")
        assert (again.status_code, again.content) == (first.status_code, first.content)
    assert Notification.objects.count() == told
    events = courier.get(f"/packages/{package['id']}/events").json()["items"]
    assert [line["event"] for line in events].count("door_failed") == 1
    assert kiosk.post("/pickup", {"code": package["pickup_code"]}).status_code == 200
    deliver_due()
    assert kiosk.post(f"/pickup/{package['id']}/door-failed").json()["status"] == "STORED"


def test_after_something_else_it_is_no_repeat(place: Location, courier: Api, kiosk: Api) -> None:
    package = collect(courier, kiosk, place)
    kiosk.post(f"/pickup/{package['id']}/door-failed")
    assert courier.post(f"/packages/{package['id']}/resend-code").status_code == 202
    answer = kiosk.post(f"/pickup/{package['id']}/door-failed")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_status")


def test_nobody_confirms_a_door_empty_that_a_package_may_lie_in(
    place: Location, courier: Api, kiosk: Api
) -> None:
    package = collect(courier, kiosk, place)
    kiosk.post(f"/pickup/{package['id']}/door-failed")
    door = Compartment.objects.get(pk=package["compartment"]["id"])
    with pytest.raises(Exception, match="occupied by a package"):
        door.confirm_empty(by="manager:kaja")


def test_a_door_given_to_another_package_cannot_have_stayed_shut(
    place: Location, courier: Api, kiosk: Api
) -> None:
    package = collect(courier, kiosk, place)
    other = courier.post("/lockers/assign", world.parcel(place)).json()
    assert other["compartment"] == package["compartment"]
    answer = kiosk.post(f"/pickup/{package['id']}/door-failed")
    assert (answer.status_code, answer.json()["code"]) == (409, "compartment_in_use")
    assert courier.get(f"/packages/{package['id']}").json()["status"] == "RETRIEVED"


def test_the_same_parcel_brought_anew_is_not_there_twice(place: Location, courier: Api, kiosk: Api) -> None:
    package = collect(courier, kiosk, place, tracking_number="AGAIN")
    courier.post("/lockers/assign", world.parcel(place, "AGAIN", size="LARGE"))
    answer = kiosk.post(f"/pickup/{package['id']}/door-failed")
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_tracking_number")


def test_an_hour_later_it_is_too_late(place: Location, courier: Api, kiosk: Api) -> None:
    package = collect(courier, kiosk, place)
    Package.objects.filter(pk=package["id"]).update(retrieved_at=F("retrieved_at") - timedelta(minutes=6))
    answer = kiosk.post(f"/pickup/{package['id']}/door-failed")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_status")


def test_another_locations_kiosk_knows_no_such_package(place: Location, courier: Api, kiosk: Api) -> None:
    package = collect(courier, kiosk, place)
    stranger = world.kiosk_api(world.make_kiosk(world.make_location("RIX-1")))
    answer = stranger.post(f"/pickup/{package['id']}/door-failed")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_package")


def test_a_heartbeat_is_noted_and_silent_doors_go_out_of_service(
    place: Location, courier: Api, kiosk: Api
) -> None:
    door, foreign = world.door(place, "S1"), world.door(world.make_location("RIX-1"), "S1")
    body = {"software_version": "4.2.0", "silent_compartments": [door.pk, foreign.pk, 999_999]}
    for _ in range(2):
        answer = kiosk.post("/kiosk/heartbeat", body)
        assert (answer.status_code, answer.content) == (204, b"")
    row = Kiosk.objects.get(location=place)
    assert (row.software_version, row.last_seen_at is not None) == ("4.2.0", True)
    assert world.door(place, "S1").status == "out_of_service"
    assert Compartment.objects.get(pk=foreign.pk).status == "available"
    assert Notification.objects.filter(kind="door_out_of_service").count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"software_version": ""},
        {"software_version": "1", "silent_compartments": [True]},
        {"software_version": 1},
    ],
)
def test_a_heartbeat_that_makes_no_sense_is_refused(place: Location, kiosk: Api, body: Any) -> None:
    assert kiosk.post("/kiosk/heartbeat", body).status_code == 422
    assert Kiosk.objects.get(location=place).last_seen_at is None


def test_couriers_send_no_heartbeats_and_no_failed_doors(place: Location, courier: Api) -> None:
    package = courier.post("/lockers/assign", world.parcel(place)).json()
    assert courier.post("/kiosk/heartbeat", {"software_version": "1"}).status_code == 403
    assert courier.post(f"/pickup/{package['id']}/door-failed").status_code == 403
