"""Somebody else collects, through HTTP and the jobs."""

from __future__ import annotations

import re

from django.core import mail
from django.test import Client
from django.urls import reverse

from notifications import tasks as delivery
from notifications.sms import locmem
from tests.flows.conftest import Place

JUHAN = {"name": "Juhan Juurikas", "phone": "+3725559876", "email": "juhan@example.com", "language": "et"}
NINE = re.compile(r"\b\d{3} \d{3} \d{3}\b")


def told(place: Place) -> dict[str, str]:
    """The last SMS to each number."""
    delivery.deliver()
    return {sms.to: sms.text for sms in locmem.outbox}


def code_in(text: str) -> str:
    found = NINE.search(text)
    assert found, text
    return found[0]


def test_named_told_and_collected(place: Place) -> None:
    package = place.bring()
    own = place.code_told()
    named = place.change(package["id"], "delegate", JUHAN, status=201)
    assert named["delegate"] == {"name": "Juhan Juurikas", "named_at": "2026-11-20T12:00:00Z"}
    assert named["collected_by"] is None
    messages = told(place)
    code = code_in(messages["+3725559876"])
    assert NINE.search(messages["+3725551234"]) is None
    assert "Juhan" in messages["+3725551234"]
    assert own not in messages["+3725559876"]
    to_juhan = [one for one in mail.outbox if one.to == ["juhan@example.com"]]
    assert len(to_juhan) == 1
    assert code in str(to_juhan[0].body)
    status, opened = place.type_code(code, nonce="n")
    assert (status, opened["package_id"]) == (200, package["id"])
    assert place.type_code(code, nonce="n") == (200, opened)
    assert place.type_code(own)[0] == 404
    seen = place.see(package["id"])
    assert (seen["status"], seen["collected_by"]) == ("RETRIEVED", "delegate")
    assert place.history(package["id"]) == ["assigned", "deposited", "delegated", "retrieved"]
    assert "Juhan" not in str(place.courier.get(f"/packages/{package['id']}/events").json())
    kinds = [
        one["kind"] for one in place.courier.get(f"/packages/{package['id']}/notifications").json()["items"]
    ]
    assert kinds.count("delegated") == kinds.count("delegate_named") == 2


def test_the_recipient_may_still_collect(place: Place) -> None:
    package = place.bring()
    own = place.code_told()
    place.change(package["id"], "delegate", JUHAN, status=201)
    code = code_in(told(place)["+3725559876"])
    assert place.type_code(own)[0] == 200
    assert place.see(package["id"])["collected_by"] == "recipient"
    assert place.type_code(code)[0] == 404


def test_removed_before_and_after_they_were_told(place: Place) -> None:
    package = place.bring()
    place.change(package["id"], "delegate", JUHAN, status=201)
    path = f"/api/v1/packages/{package['id']}/delegate"
    headers = {"Authorization": f"Bearer {place.courier.key}"}
    removed = place.courier.client.delete(path, headers=headers)
    assert (removed.status_code, removed.json()["delegate"]) == (200, None)
    assert "+3725559876" not in told(place)
    place.change(package["id"], "delegate", JUHAN, status=201)
    code = code_in(told(place)["+3725559876"])
    for _ in range(2):
        assert place.courier.client.delete(path, headers=headers).status_code == 200
    assert place.type_code(code)[0] == 404
    assert place.see(package["id"])["delegate"] is None


def test_a_new_code_for_the_delegate_only(place: Place) -> None:
    package = place.bring()
    own = place.code_told()
    place.change(package["id"], "delegate", JUHAN, status=201)
    first = code_in(told(place)["+3725559876"])
    place.change(package["id"], "delegate/resend-code", status=202)
    second = code_in(told(place)["+3725559876"])
    assert first != second
    assert place.type_code(first)[0] == 404
    assert place.type_code(own)[0] == 200


def test_a_shop_that_tells_codes_itself_reads_both(place: Place) -> None:
    package = place.bring()
    place.change(package["id"], "delegate", JUHAN, status=201)
    seen = place.shop.get(f"/packages/{package['id']}").json()
    code = seen["delegate"]["pickup_code"]
    assert len(code) == 9
    assert place.shop.get("/packages").json()["items"] == [seen]
    assert "pickup_code" not in place.see(package["id"])["delegate"]
    assert place.type_code(code)[0] == 200
    assert "pickup_code" not in place.shop.get(f"/packages/{package['id']}").json()["delegate"]


def test_at_the_screen_of_a_locker(place: Place) -> None:
    package = place.bring()
    place.change(package["id"], "delegate", JUHAN, status=201)
    code = code_in(told(place)["+3725559876"])
    screen = Client()
    screen.post("/kiosk/connect/", {"key": place.screen.key})
    page = screen.get("/kiosk/")
    assert (
        "8 digits from your email or text message (9 if you are picking up for someone else)"
        in page.content.decode()
    )
    typed = ""
    for digit in code.replace(" ", ""):
        answer = screen.post("/kiosk/", {"press": digit, "code": typed})
        typed = answer.context["typed"]
    assert typed == code.replace(" ", "")
    nonce = screen.get("/kiosk/").context["nonce"]
    assert screen.post("/kiosk/", {"code": typed, "nonce": nonce})["Location"] == "/kiosk/door/"


def test_the_manager_sees_that_somebody_else_may_collect_and_not_who(place: Place) -> None:
    package = place.bring()
    page = reverse("manage:package", args=[package["id"]])
    assert "a delegate with their own code" not in place.manager.get(page).content.decode()
    place.change(package["id"], "delegate", JUHAN, status=201)
    shown = place.manager.get(page).content.decode()
    assert "a delegate with their own code" in shown
    assert "Juhan" not in shown
