"""A package's ways through a location, each from the courier's first call to the free door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from tests.flows.conftest import Place
from tests.world import door

ALL_FREE = {"SMALL": {"available": 2}, "MEDIUM": {"available": 2}, "LARGE": {"available": 2}}


def test_drop_off_message_pickup(place: Place) -> None:
    package = place.bring()
    assert place.doors()["SMALL"] == {"available": 1, "occupied": 1}
    code = place.code_told()
    status, opened = place.type_code(code)
    assert status == 200
    assert opened["package_id"] == package["id"]
    assert opened["compartment"] == package["compartment"]
    assert place.see(package["id"])["status"] == "RETRIEVED"
    assert place.see(package["id"])["compartment"] is None
    assert place.doors() == ALL_FREE
    assert len(place.messages()) == 1
    assert place.history(package["id"]) == ["assigned", "deposited", "retrieved"]
    assert place.type_code(code)[0] == 404


def test_expiry_then_return(place: Place) -> None:
    package = place.bring()
    code = place.code_told()
    place.clock.forward(days=3, seconds=-1)
    place.sweep()
    assert place.see(package["id"])["status"] == "STORED"
    place.clock.forward(seconds=1)
    place.sweep()
    place.sweep()
    assert place.see(package["id"])["status"] == "EXPIRED"
    assert place.doors()["SMALL"] == {"available": 1, "occupied": 1}
    status, problem = place.type_code(code)
    assert (status, problem["code"]) == (409, "expired")
    assert len(place.messages()) == 1
    waiting = place.courier.get("/returns", location="TLL-1").json()["items"]
    assert [item["id"] for item in waiting] == [package["id"]]
    place.change(package["id"], "return")
    assert place.courier.get("/returns").json()["items"] == []
    assert place.doors() == ALL_FREE
    assert place.type_code(code)[0] == 404
    (text,) = place.messages()
    assert "is being returned" in text
    assert place.history(package["id"]) == ["assigned", "deposited", "expired", "returned"]


def test_expiry_then_extension_then_pickup(place: Place) -> None:
    package = place.bring()
    code = place.code_told()
    place.clock.forward(days=4)
    place.sweep()
    assert place.type_code(code)[0] == 409
    answer = place.change(package["id"], "extend", {"hours": 24})
    assert (answer["status"], answer["expires_at"]) == ("STORED", "2026-11-25T12:00:00Z")
    place.clock.forward(hours=23)
    place.sweep()
    assert place.type_code(code)[0] == 200
    assert place.doors() == ALL_FREE


def test_an_expiry_that_was_extended_before_it_was_told_is_not_told(place: Place) -> None:
    package = place.bring()
    place.code_told()
    place.clock.forward(days=3)
    place.sweep()
    place.change(package["id"], "extend", {"hours": 24})
    (told,) = place.messages()
    assert "more time" in told


def test_a_drop_off_that_was_collected_before_it_was_told_is_told_by_the_pickup_only(place: Place) -> None:
    place.bring()
    code = place.shop.get("/packages").json()["items"][0]["pickup_code"]
    assert place.type_code(code)[0] == 200
    (text,) = place.messages()
    assert code not in text.replace(" ", "")


def test_cancel_in_the_door_then_return(place: Place) -> None:
    package = place.bring()
    code = place.code_told()
    answer = place.change(package["id"], "cancel", {"reason": "sent twice"})
    assert (answer["status"], answer["compartment"]["label"]) == ("CANCELLED", "S1")
    assert place.doors()["SMALL"] == {"available": 1, "occupied": 1}
    assert place.type_code(code)[0] == 404
    assert len(place.messages()) == 1
    place.clock.forward(days=9)
    place.sweep()
    assert place.see(package["id"])["status"] == "CANCELLED"
    assert place.change(package["id"], "return")["status"] == "RETURNED"
    assert place.doors() == ALL_FREE


def test_reserve_then_deposit_then_pickup(place: Place) -> None:
    package = place.bring(deposited=False)
    assert place.doors()["SMALL"] == {"available": 1, "reserved": 1}
    assert place.messages() == []
    place.clock.forward(minutes=20)
    place.change(package["id"], "deposit")
    place.clock.forward(minutes=20)
    place.sweep()
    assert place.doors()["SMALL"] == {"available": 1, "occupied": 1}
    assert place.type_code(place.code_told())[0] == 200
    assert place.history(package["id"]) == ["assigned", "deposited", "retrieved"]


def test_reserve_then_lapse_then_the_manager_looks(place: Place) -> None:
    package = place.bring(deposited=False)
    place.clock.forward(minutes=29, seconds=59)
    place.sweep()
    assert place.see(package["id"])["status"] == "PENDING"
    place.clock.forward(seconds=1)
    place.sweep()
    assert place.see(package["id"])["status"] == "CANCELLED"
    assert place.doors()["SMALL"] == {"available": 1, "unverified": 1}
    assert place.messages() == []
    assert place.courier.post(f"/packages/{package['id']}/deposit").status_code == 409
    assert [place.bring()["compartment"]["label"] for _ in range(2)] == ["S2", "M1"]
    compartment = door(place.location, "S1")
    answer = place.manager.post(f"/manage/doors/{compartment.pk}/confirm-empty/")
    assert answer.status_code == 302
    assert place.doors()["SMALL"] == {"available": 1, "occupied": 1}
    assert place.bring()["compartment"]["label"] == "S1"


def test_cancelled_drop_off_then_the_manager_looks(place: Place) -> None:
    package = place.bring(deposited=False)
    place.change(package["id"], "cancel")
    assert place.doors()["SMALL"] == {"available": 1, "unverified": 1}
    place.manager.post(f"/manage/doors/{door(place.location, 'S1').pk}/confirm-empty/")
    assert place.doors() == ALL_FREE


def test_a_manager_cannot_call_a_full_door_empty(place: Place) -> None:
    package = place.bring()
    place.manager.post(f"/manage/doors/{package['compartment']['id']}/confirm-empty/")
    assert place.doors()["SMALL"] == {"available": 1, "occupied": 1}


@pytest.mark.parametrize(
    ("reason", "label", "left"),
    [
        ("too_small", "M1", {"available": 2}),
        ("door_stuck", "S2", {"occupied": 1, "out_of_service": 1}),
        ("not_empty", "S2", {"occupied": 1, "unverified": 1}),
        ("damaged", "S2", {"occupied": 1, "out_of_service": 1}),
    ],
)
def test_reassign_then_pickup(place: Place, reason: str, label: str, left: dict[str, int]) -> None:
    package = place.bring()
    answer = place.change(package["id"], "reassign", {"reason": reason})
    assert answer["compartment"]["label"] == label
    assert place.doors()["SMALL"] == left
    text = place.messages()[0]
    assert label in text
    code = place.shop.get(f"/packages/{package['id']}").json()["pickup_code"]
    assert place.type_code(code)[1]["compartment"]["label"] == label
    old = door(place.location, "S1")
    for page in ("put-back", "confirm-empty"):
        place.manager.post(f"/manage/doors/{old.pk}/{page}/")
    assert place.doors() == ALL_FREE


def test_resend_code(place: Place) -> None:
    package = place.bring()
    first = place.code_told()
    place.change(package["id"], "resend-code", status=202)
    second = place.code_told()
    assert first != second
    assert place.type_code(first)[0] == 404
    assert place.type_code(second)[0] == 200


def test_out_of_service_stops_new_parcels_and_evicts_none(place: Place) -> None:
    package = place.bring()
    code = place.code_told()
    place.manager.post(
        f"/manage/doors/{package['compartment']['id']}/take-out/", {"reason": "hinge is loose"}
    )
    assert place.doors()["SMALL"] == {"available": 1, "out_of_service": 1}
    assert place.type_code(code)[0] == 200
    assert place.doors()["SMALL"] == {"available": 1, "out_of_service": 1}
    assert [place.bring()["compartment"]["label"] for _ in range(2)] == ["S2", "M1"]
    place.manager.post(f"/manage/doors/{package['compartment']['id']}/put-back/")
    assert place.bring()["compartment"]["label"] == "S1"


def test_suspended_location_keeps_what_it_holds_and_takes_nothing(place: Place) -> None:
    package = place.bring()
    code = place.code_told()
    place.location.suspend(reason="flood", now=place.location.created_at)
    answer = place.courier.post(
        "/lockers/assign",
        {
            "location": "TLL-1",
            "tracking_number": "T-X",
            "size": "SMALL",
            "recipient": {"name": "Mari", "email": "mari@example.com"},
        },
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "location_suspended")
    assert place.type_code(code)[0] == 200
    assert place.see(package["id"])["status"] == "RETRIEVED"


def test_a_tracking_number_comes_again_after_it_has_left(place: Place) -> None:
    first = place.bring(tracking_number="T-1")
    place.type_code(place.code_told())
    second = place.bring(tracking_number="T-1")
    assert first["id"] != second["id"]


def test_guessing_then_the_phone(place: Place) -> None:
    """Sixty wrong codes in one day, as fast as the screen allows; then the phone is asked for as well."""
    place.clock.to(datetime(2026, 11, 19, 22, 5, tzinfo=UTC))  # five past midnight in Tallinn
    package = place.bring()
    code = place.code_told()
    wrong = f"{(int(code.replace(' ', '')) + 1) % 10**8:08d}"
    begun, tried = timezone.now(), 0
    while tried < 60:
        status, problem = place.type_code(wrong)
        if status == 429:
            place.clock.forward(seconds=problem["retry_after"])
        else:
            assert (status, problem["code"]) == (404, "unknown_code")
            tried += 1
    assert timezone.now() - begun > timedelta(hours=12)
    place.clock.forward(minutes=15)
    status, problem = place.type_code(code)
    assert (status, problem["code"]) == (403, "phone_check_required")
    assert place.type_code(code, phone_last4="1234")[0] == 200
    assert place.see(package["id"])["status"] == "RETRIEVED"
