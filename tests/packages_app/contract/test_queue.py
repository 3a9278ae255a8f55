"""The queue of a full location, as couriers see it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from pytest_django import Settings

from lockers.models import Compartment, Location
from notifications.models import Notification
from packages_app import operations
from packages_app.api.schemas.packages import PackageOut
from packages_app.api.schemas.queue import QueueEntryOut, QueuePage
from packages_app.models import Courier, Package, QueueEntry, Recipient
from tests.packages_app.contract.answers import declared, refused
from tests.world import NOW, Api, courier_api, door, make_courier, make_location, make_package, parcel

pytestmark = pytest.mark.django_db

FIELDS = [
    "id",
    "status",
    "position",
    "location",
    "size",
    "tracking_number",
    "created_at",
    "expires_at",
    "ended_at",
    "package_id",
]


@pytest.fixture
def full(location: Location) -> Location:
    Compartment.objects.filter(location=location).update(occupancy="unverified")
    return location


def free(location: Location, *labels: str) -> None:
    Compartment.objects.filter(location=location, label__in=labels).update(occupancy="empty")


def waiting(api: Api, location: Location, number: str = "T-1", **more: Any) -> Any:
    """Return the body of a 202."""
    answer = api.post("/lockers/assign", parcel(location, number, queue=True, **more))
    return declared(answer, 202, QueueEntryOut)


def test_a_full_location_with_queue(api: Api, full: Location) -> None:
    body = waiting(api, full)
    entry = QueueEntry.objects.get()
    assert list(body) == FIELDS
    assert body == {
        "id": str(entry.pk),
        "status": "WAITING",
        "position": 1,
        "location": "TLL-1",
        "size": "SMALL",
        "tracking_number": "T-1",
        "created_at": body["created_at"],
        "expires_at": "2026-11-21T12:00:00Z",
        "ended_at": None,
        "package_id": None,
    }
    assert waiting(api, full, "T-2", queue_hours=1)["expires_at"] == "2026-11-20T13:00:00Z"
    assert declared(api.get(f"/queue/{entry.pk}"), 200, QueueEntryOut) == body


def test_without_queue_it_is_full_as_ever(api: Api, full: Location) -> None:
    refused(api.post("/lockers/assign", parcel(full)), 409, "location_full")
    refused(api.post("/lockers/assign", parcel(full, queue=False)), 409, "location_full")
    assert not QueueEntry.objects.exists()


def test_with_room_queue_changes_nothing(api: Api, location: Location) -> None:
    body = declared(api.post("/lockers/assign", parcel(location, queue=True)), 201, PackageOut)
    assert body["status"] == "STORED"


def test_a_door_becomes_free(api: Api, full: Location, courier: Courier) -> None:
    """The courier polls, then opens the door and confirms the deposit, as for any reservation."""
    body = waiting(api, full, queue_minutes=5)
    behind = waiting(api, full, "T-2")
    free(full, "S1")
    operations.grant_due(now=NOW)
    granted = declared(api.get(f"/queue/{body['id']}"), 200, QueueEntryOut)
    assert (granted["status"], granted["position"]) == ("GRANTED", None)
    package = declared(api.get(f"/packages/{granted['package_id']}"), 200, PackageOut)
    assert (package["status"], package["compartment"]["label"]) == ("PENDING", "S1")
    assert package["reserved_until"] == "2026-11-20T12:05:00Z"
    assert declared(api.get(f"/queue/{behind['id']}"), 200, QueueEntryOut)["position"] == 1
    assert api.post(f"/packages/{package['id']}/open").status_code == 200
    assert api.post(f"/packages/{package['id']}/deposit").json()["status"] == "STORED"


def test_the_same_key_gets_the_same_place(api: Api, full: Location) -> None:
    body = parcel(full, "T-1", queue=True)
    first, second = (api.post("/lockers/assign", body, key="k") for _ in range(2))
    assert (first.status_code, first.content) == (202, second.content)
    assert second["Idempotent-Replayed"] == "true"
    assert second.status_code == 202
    assert QueueEntry.objects.count() == 1
    other = api.post("/lockers/assign", {**body, "queue_minutes": 20}, key="k")
    refused(other, 422, "idempotency_key_reused")


def test_a_number_waits_once(api: Api, full: Location, courier: Courier) -> None:
    first = waiting(api, full)
    again = api.post("/lockers/assign", parcel(full, "T-1", queue=True))
    assert refused(again, 409, "duplicate_tracking_number")["queue_id"] == first["id"]
    package = make_package(courier, door(full, "L1"), tracking_number="T-2")
    live = api.post("/lockers/assign", parcel(full, "T-2", queue=True))
    assert refused(live, 409, "duplicate_tracking_number")["package_id"] == str(package.pk)


def test_where_it_never_fits_it_is_full(api: Api) -> None:
    location = make_location("TINY", small=1, medium=0, large=0)
    Compartment.objects.update(occupancy="unverified")
    refused(api.post("/lockers/assign", parcel(location, size="LARGE", queue=True)), 409, "location_full")


def test_the_limit_of_waiting_packages(api: Api, full: Location, settings: Settings) -> None:
    """All waiting entries of the courier count, and no others; one that has ended makes room."""
    settings.QUEUE_MOST_WAITING = 2
    other = make_location("TLL-2", small=1, medium=0, large=0)
    Compartment.objects.filter(location=other).update(occupancy="unverified")
    waiting(courier_api(make_courier("gls")), full)
    first = waiting(api, full, "T-1")
    waiting(api, other, "T-2")
    problem = refused(
        api.post("/lockers/assign", parcel(full, "T-3", queue=True), key="k"), 409, "too_many_waiting"
    )
    assert problem["detail"] == "A courier may have 2 parcels in the queue."
    assert QueueEntry.objects.count() == Recipient.objects.count() == 3
    refused(api.post("/lockers/assign", parcel(full, "T-3")), 409, "location_full")
    assert api.post(f"/queue/{first['id']}/leave").status_code == 200
    waiting(api, full, "T-3")
    free(full, "S1", "S2", "M1", "M2")
    assert api.post("/lockers/assign", parcel(full, "T-4", queue=True)).status_code == 201


def test_a_suspended_location_takes_nobody(api: Api, full: Location) -> None:
    full.suspend(reason="flood", now=NOW)
    refused(api.post("/lockers/assign", parcel(full, queue=True)), 409, "location_suspended")


def test_leave(api: Api, full: Location) -> None:
    body = waiting(api, full)
    left = declared(api.post(f"/queue/{body['id']}/leave"), 200, QueueEntryOut)
    assert (left["status"], left["position"]) == ("LEFT", None)
    assert left["ended_at"]
    assert declared(api.post(f"/queue/{body['id']}/leave", key="k"), 200, QueueEntryOut) == left


def test_leave_after_a_door_was_granted(api: Api, full: Location) -> None:
    body = waiting(api, full)
    free(full, "S1")
    operations.grant_due(now=NOW)
    problem = refused(api.post(f"/queue/{body['id']}/leave"), 409, "not_waiting")
    assert problem["queue_status"] == "GRANTED"
    assert problem["package_id"] == str(Package.objects.get().pk)


def test_list(api: Api, full: Location) -> None:
    other = make_location("TLL-2", small=1, medium=0, large=0)
    Compartment.objects.filter(location=other).update(occupancy="unverified")
    ids = [waiting(api, place, f"T-{n}")["id"] for n, place in enumerate((full, full, other))]
    api.post(f"/queue/{ids[0]}/leave")
    page = declared(api.get("/queue"), 200, QueuePage)
    assert [(one["id"], one["position"]) for one in page["items"]] == [
        (ids[2], 1),
        (ids[1], 1),
        (ids[0], None),
    ]

    def listed(**query: Any) -> list[str]:
        return [one["id"] for one in declared(api.get("/queue", **query), 200, QueuePage)["items"]]

    assert listed(location="TLL-2") == [ids[2]]
    assert listed(location="TLL-1", status="WAITING") == [ids[1]]
    assert listed(tracking_number="T-0") == [ids[0]]
    first = declared(api.get("/queue", limit=2), 200, QueuePage)
    assert [one["id"] for one in first["items"]] == [ids[2], ids[1]]
    assert listed(limit=2, cursor=first["next_cursor"]) == [ids[0]]


@pytest.mark.parametrize(
    "query", [{"where": "x"}, {"status": "GONE"}, {"limit": 0}, {"cursor": "x"}, {"location": ""}]
)
def test_list_refuses_what_it_does_not_know(api: Api, query: dict[str, Any]) -> None:
    refused(api.get("/queue", **query), 422, "invalid_request")


@pytest.mark.parametrize("call", ["", "/leave"])
def test_another_courier_s_place_and_a_missing_one(api: Api, full: Location, call: str) -> None:
    mine = waiting(courier_api(make_courier("gls")), full)
    answers = []
    for entry_id in (mine["id"], str(uuid.uuid4())):
        path = f"/queue/{entry_id}{call}"
        answer = api.post(path) if call else api.get(path)
        refused(answer, 404, "unknown_queue_entry")
        answers.append(answer.content.replace(entry_id.encode(), b"ID"))
    assert answers[0] == answers[1]
    assert declared(api.get("/queue"), 200, QueuePage)["items"] == []


@pytest.mark.parametrize(
    "more",
    [
        {"queue": "yes"},
        {"queue": None},
        {"queue": True, "queue_minutes": 0},
        {"queue": True, "queue_minutes": 241},
        {"queue": True, "queue_minutes": 1.5},
        {"queue": True, "queue_hours": 0},
        {"queue": True, "queue_hours": 169},
        {"queue": True, "queue_hours": "2"},
    ],
)
def test_bad_wishes(api: Api, full: Location, more: dict[str, Any]) -> None:
    refused(api.post("/lockers/assign", parcel(full, **more)), 422, "invalid_request")
    assert not QueueEntry.objects.exists()


def test_nobody_is_told_of_a_place_but_its_courier(api: Api, full: Location) -> None:
    """Neither a message nor a code: the recipient is only told once the package is deposited."""
    body = waiting(api, full)
    free(full, "S1")
    operations.grant_due(now=NOW)
    assert not Notification.objects.exclude(channel="webhook").exists()
    assert "mari@example.com" not in str(body)
