"""A full location: who waits, is served in turn, through HTTP and the scheduled jobs."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from common import wakeup
from packages_app import tasks
from packages_app.models import QueueEntry
from tests.flows.conftest import Place
from tests.world import code_of, courier_api, door, make_courier, parcel

pytestmark = pytest.mark.django_db


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any) -> list[str]:
    """Each call that wakes the granting."""
    calls: list[str] = []
    monkeypatch.setattr(wakeup, "_grant_queue", lambda: calls.append("woken"))
    return calls


def wait_for_a_door(place: Place, number: str, **more: Any) -> Any:
    answer: Any = place.courier.post(
        "/lockers/assign", parcel(place.location, number, "LARGE", queue=True, **more)
    )
    assert answer.status_code == 202, answer.content
    return answer.json()


def fill(place: Place) -> list[Any]:
    """Both large doors have a package in them."""
    return [place.bring("LARGE") for _ in range(2)]


def test_in_turn(place: Place, woken: list[str], django_capture_on_commit_callbacks: Any) -> None:
    """A pickup frees a door; the first in line has it, comes too late, and the second in line has it then."""
    fill(place)
    place.messages()
    one, two = wait_for_a_door(place, "ONE"), wait_for_a_door(place, "TWO")
    assert (one["position"], two["position"]) == (1, 2)
    code = code_of(door(place.location, "L1").packages.get())
    with django_capture_on_commit_callbacks(execute=True):
        assert place.type_code(code)[0] == 200
    assert "woken" in woken
    assert tasks.grant_doors() == 1
    granted = place.courier.get(f"/queue/{one['id']}").json()
    assert granted["status"] == "GRANTED"
    package = place.see(granted["package_id"])
    assert (package["status"], package["compartment"]["label"]) == ("PENDING", "L1")
    assert place.courier.get(f"/queue/{two['id']}").json()["position"] == 1

    place.clock.forward(minutes=16)
    place.sweep()
    assert place.see(package["id"])["status"] == "CANCELLED"
    assert tasks.grant_doors() == 1
    second = place.see(place.courier.get(f"/queue/{two['id']}").json()["package_id"])
    assert second["compartment"]["label"] == "L1"
    place.change(second["id"], "open")
    place.change(second["id"], "deposit")
    assert place.history(second["id"]) == ["assigned", "opened", "deposited"]
    place.messages()
    assert place.type_code(code_of(door(place.location, "L1").packages.get(status="STORED")))[0] == 200


def test_a_stranger_comes_to_the_counter_while_others_wait(place: Place) -> None:
    """Served after those who wait, even where no job runs; and told the truth."""
    first_in, second_in = fill(place)
    waits = wait_for_a_door(place, "ONE")
    place.change(first_in["id"], "cancel")
    place.change(first_in["id"], "return")
    stranger = courier_api(make_courier("gls"))
    refused = stranger.post("/lockers/assign", parcel(place.location, "GLS-1", "LARGE"))
    assert (refused.status_code, refused.json()["code"]) == (409, "location_full")
    assert place.courier.get(f"/queue/{waits['id']}").json()["status"] == "GRANTED"
    place.change(second_in["id"], "cancel")
    place.change(second_in["id"], "return")
    answer = stranger.post("/lockers/assign", parcel(place.location, "GLS-2", "LARGE"))
    assert answer.status_code == 201


def test_in_vain(place: Place) -> None:
    fill(place)
    waits = wait_for_a_door(place, "ONE", queue_hours=1)
    place.clock.forward(hours=1)
    assert tasks.grant_doors() == 0
    shown = place.courier.get(f"/queue/{waits['id']}").json()
    assert (shown["status"], shown["position"], shown["package_id"]) == ("EXPIRED", None, None)
    assert QueueEntry.objects.get().recipient is None


def test_every_way_to_free_a_door_wakes_the_granting(
    place: Place, woken: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    """Taken out, a reservation called off, a better door found, an empty one looked into, a door repaired."""
    kept = place.courier.post(
        "/lockers/assign", parcel(place.location, size="LARGE", deposited=False, open=False)
    )
    taken = place.bring("LARGE")
    wait_for_a_door(place, "ONE")

    def wakes(work: Any) -> None:
        woken.clear()
        with django_capture_on_commit_callbacks(execute=True):
            answer = work()
        assert answer.status_code < 400, answer.content
        assert woken, work

    place.change(taken["id"], "cancel")
    wakes(lambda: place.courier.post(f"/packages/{taken['id']}/return"))
    wakes(lambda: place.courier.post(f"/packages/{kept.json()['id']}/cancel"))
    mended = door(place.location, "S1")
    mended.mark_unverified(by="manager:mia", reason="not empty")
    pk = mended.pk
    wakes(lambda: place.manager.post(f"/manage/doors/{pk}/confirm-empty/"))
    mended.refresh_from_db()
    mended.take_out_of_service(by="manager:mia", reason="hinge", now=timezone.now())
    wakes(lambda: place.manager.post(f"/manage/doors/{pk}/put-back/"))


def test_a_pickup_wakes_nobody_where_nobody_waits(
    place: Place, woken: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    """The hot path looks in its one statement; what is rare wakes the job, which finds nothing to do."""
    place.bring("LARGE")
    with django_capture_on_commit_callbacks(execute=True):
        assert place.type_code(code_of(door(place.location, "L1").packages.get(status="STORED")))[0] == 200
    assert woken == []
