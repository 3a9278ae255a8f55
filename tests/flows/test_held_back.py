"""Held back and released, through HTTP and the jobs, as couriers, recipients and managers meet it."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from tests.flows.conftest import Place

KIOSK = "/kiosk/"


def test_held_back_then_released_then_collected(place: Place) -> None:
    package = place.bring()
    code = place.code_told()
    place.clock.forward(days=2)
    held = place.change(package["id"], "hold", {"reason": "unpaid", "note": "invoice 7"})
    assert (held["status"], held["held_at"]) == ("STORED", "2026-11-22T12:00:00Z")
    (told,) = place.messages()
    assert "on hold" in told
    assert code not in told
    status, problem = place.type_code(code)
    assert (status, problem["code"]) == (409, "on_hold")
    place.clock.forward(days=4)
    place.sweep()
    assert place.see(package["id"])["status"] == "STORED"
    released = place.change(package["id"], "release")
    assert (released["held_at"], released["expires_at"]) == (None, "2026-11-27T12:00:00Z")
    assert place.code_told() == code
    assert place.type_code(code)[0] == 200
    assert place.history(package["id"]) == ["assigned", "deposited", "held", "released", "retrieved"]


def test_the_longest_hold_ends_it_for_what_is_held_back_too(place: Place) -> None:
    package = place.bring()
    place.change(package["id"], "hold")
    place.clock.forward(days=14)
    place.sweep()
    assert place.see(package["id"])["status"] == "EXPIRED"
    assert [one["id"] for one in place.courier.get("/returns").json()["items"]] == [package["id"]]
    assert place.change(package["id"], "return")["held_at"] is None
    assert place.doors()["SMALL"] == {"available": 2}


def test_a_drop_off_that_is_held_back_is_announced_at_its_release(place: Place) -> None:
    package = place.bring(deposited=False)
    place.change(package["id"], "hold", {"reason": "customs"})
    place.change(package["id"], "deposit")
    assert place.messages() == []
    place.change(package["id"], "release")
    code = place.code_told()
    assert place.type_code(code)[0] == 200


def test_a_hold_that_was_over_before_it_was_told_is_not_told(place: Place) -> None:
    package = place.bring()
    place.code_told()
    place.change(package["id"], "hold")
    place.change(package["id"], "release")
    place.code_told()


def test_a_manager_holds_back_and_releases(place: Place) -> None:
    package = place.bring()
    page = reverse("manage:package", args=[package["id"]])
    packages = reverse("manage:packages", args=["TLL-1"])
    assert "Put on hold" in place.manager.get(page).content.decode()
    answer = place.manager.post(
        reverse("manage:hold", args=[package["id"]]), {"reason": "fraud", "note": "police"}, follow=True
    )
    shown = answer.content.decode()
    assert "no code opens its door" in shown
    assert "Release" in shown
    assert "fraud: police" in shown
    assert "Extend hold" not in shown
    assert "Send new code" not in shown
    assert "On hold</span>" in place.manager.get(packages, {"status": "HELD"}).content.decode()
    place.manager.post(reverse("manage:release", args=[package["id"]]))
    assert place.see(package["id"])["held_at"] is None
    assert "No matching packages" in place.manager.get(packages, {"status": "HELD"}).content.decode()


def test_the_screen_says_in_words_that_it_is_held_back(place: Place) -> None:
    package = place.bring()
    code = place.code_told()
    place.change(package["id"], "hold")
    screen = Client()
    screen.post(f"{KIOSK}connect/", {"key": place.screen.key})
    for _ in range(5):
        nonce = screen.get(KIOSK).context["nonce"]
        answer = screen.post(KIOSK, {"code": code, "nonce": nonce}, follow=True)
        assert "is on hold" in answer.content.decode()
    place.change(package["id"], "release")
    nonce = screen.get(KIOSK).context["nonce"]
    assert screen.post(KIOSK, {"code": code, "nonce": nonce})["Location"] == f"{KIOSK}door/"
