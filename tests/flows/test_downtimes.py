"""A location falls silent, or is suspended: told, waited for, made good. Through HTTP, jobs and the admin."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lockers.models import Downtime, Kiosk, Location, Membership
from notifications import tasks as delivery
from notifications.models import Notification
from packages_app import operations, tasks
from packages_app.core.actor import Actor
from packages_app.models import Courier
from tests.flows.conftest import Place
from tests.world import kiosk_api, make_courier, make_kiosk, make_location, make_webhook

pytestmark = pytest.mark.django_db


def ends(package: Any) -> datetime:
    return datetime.fromisoformat(package["expires_at"])


def beat(place: Place) -> None:
    answer: Any = place.screen.post("/kiosk/heartbeat", {"software_version": "1"})
    assert answer.status_code == 204


def sign_in(place: Place) -> None:
    place.manager.force_login(User.objects.get(username="mia"))


def page(place: Place, name: str = "downtimes") -> str:
    sign_in(place)
    return place.manager.get(reverse(f"manage:{name}", args=[place.location.code])).content.decode()


def send(place: Place, action: str, **data: str) -> str:
    sign_in(place)
    answer = place.manager.post(reverse(f"manage:{action}", args=[place.location.code]), data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def mails_to_the_manager() -> list[str]:
    delivery.deliver()
    return [str(one.subject) for one in mail.outbox if one.to == ["mia@example.com"]]


def test_a_kiosk_without_power(place: Place) -> None:
    User.objects.filter(username="mia").update(email="mia@example.com")
    package = place.bring()
    code = place.code_told()
    place.clock.forward(days=2, hours=23, minutes=50)
    beat(place)  # ten minutes before the end: and then there is no power for a day
    place.clock.forward(minutes=16)
    place.sweep()
    assert place.see(package["id"])["status"] == "EXPIRED"
    tasks.notice_silence()
    tasks.notice_silence()
    assert place.see(package["id"])["status"] == "STORED"
    assert mails_to_the_manager() == ["Place TLL-1 is offline"]
    assert "Offline: no heartbeat" in page(place, "location")
    overview = place.manager.get(reverse("manage:locations")).content.decode()
    assert ">Offline<" in overview
    shown = reverse("manage:package", args=[package["id"]])
    assert "paused while the location is down" in place.manager.get(shown).content.decode()
    place.clock.forward(days=1)
    place.sweep()
    tasks.notice_silence()
    assert place.see(package["id"])["status"] == "STORED"

    beat(place)
    assert ends(place.see(package["id"])) == ends(package) + timedelta(days=1, minutes=16)
    assert mails_to_the_manager() == ["Place TLL-1 is offline", "Place TLL-1 is back online"]
    assert Notification.objects.filter(kind="location_resumed", status="sent").count() == 2
    assert Notification.objects.filter(kind="expired").exclude(status="suppressed").count() == 0
    assert place.history(package["id"])[-3:] == ["expired", "hold_stopped", "location_resumed"]
    assert "Offline: no heartbeat" not in page(place, "location")
    assert ">Offline<" not in place.manager.get(reverse("manage:locations")).content.decode()
    facts = " ".join(place.manager.get(shown).content.decode().split())
    assert "<dt>Added for downtime</dt> <dd> 1 day, 0:16:00 </dd>" in facts
    assert place.type_code(code)[0] == 200


def test_a_manager_suspends_and_resumes(place: Place) -> None:
    package = place.bring()
    code = place.code_told()
    assert "never been offline or suspended" in page(place)
    assert "Nothing was changed" in send(place, "suspend", reason=" ")
    assert "is suspended, and recipients are told" in send(place, "suspend", reason="<b>flood</b>")
    assert "&lt;b&gt;flood&lt;/b&gt;" in page(place)
    (told,) = place.messages()
    assert "flood" not in told
    place.clock.forward(days=10)
    place.sweep()
    assert place.see(package["id"])["status"] == "STORED"
    assert "accepts packages again" in send(place, "resume")
    (told,) = place.messages()
    assert "back in service" in told
    assert ends(place.see(package["id"])) == ends(package) + timedelta(days=10)
    assert "manager:mia" in page(place)
    assert place.type_code(code)[0] == 200


def test_a_code_opens_its_door_at_a_suspended_location_past_its_date(place: Place) -> None:
    package = place.bring()
    code = place.code_told()
    send(place, "suspend", reason="flood")
    place.clock.forward(days=10)
    place.sweep()
    assert place.change(package["id"], "resend-code", status=202)["status"] == "STORED"
    assert place.type_code(code)[0] == 404, "the old one"
    place.messages()
    place.change(package["id"], "extend", {"hours": 24})
    assert ends(place.see(package["id"])) == ends(package) + timedelta(hours=24), "its clock has not moved"
    send(place, "resume")
    assert ends(place.see(package["id"])) == ends(package) + timedelta(days=11)


def test_somebody_else_s_location_does_not_exist(place: Place) -> None:
    other = make_location("OTHER")
    for name in ("suspend", "resume"):
        answer = place.manager.post(reverse(f"manage:{name}", args=["OTHER"]), {"reason": "x"})
        assert answer.status_code == 404
        assert place.manager.get(reverse(f"manage:{name}", args=["TLL-1"])).status_code == 405
    assert place.manager.get(reverse("manage:downtimes", args=["OTHER"])).status_code == 404
    assert not Downtime.objects.filter(location=other).exists()


def test_head_office_suspends_many_at_once(place: Place) -> None:
    anna = Client()
    anna.force_login(User.objects.create_superuser("anna"))
    make_location("SECOND")
    rows = [row.pk for row in Location.objects.all()]
    address = reverse("admin:lockers_location_changelist")
    for action, more in (("suspend", {"reason": "storm"}), ("resume", {})):
        answer = anna.post(address, {"action": action, "_selected_action": rows, **more}, follow=True)
        assert answer.status_code == 200
        place.clock.forward(hours=1)
    downtimes = Downtime.objects.order_by("id")
    assert [(one.cause, one.begun_by, one.lasted) for one in downtimes] == [
        ("suspended", "staff:anna", timedelta(hours=1))
    ] * 2
    listed = anna.get(reverse("admin:lockers_downtime_changelist")).content.decode()
    assert "storm" in listed
    assert anna.get(reverse("admin:lockers_downtime_change", args=[downtimes[0].pk])).status_code == 200
    assert anna.get(reverse("admin:lockers_downtime_add")).status_code == 403


def test_a_sandbox_is_never_silent(place: Place) -> None:
    Membership.objects.all().delete()
    Location.objects.update(sandbox=True)
    beat(place)
    place.clock.forward(days=1)
    assert tasks.notice_silence() == 0
    beat(place)
    assert not Downtime.objects.exists()


def test_a_kiosk_that_is_not_to_speak_any_more(place: Place) -> None:
    """Dismounted, or without heartbeats since its last update: the clock must not stand for ever."""
    package = place.bring()
    beat(place)
    place.clock.forward(days=1)
    tasks.notice_silence()
    anna = Client()
    anna.force_login(User.objects.create_superuser("anna"))
    kiosk = Kiosk.objects.get()
    data = {"action": "forget_heartbeats", "_selected_action": [kiosk.pk]}
    answer = anna.post(reverse("admin:lockers_kiosk_changelist"), data, follow=True)
    assert "1 kiosk no longer monitored." in answer.content.decode()
    assert ends(place.see(package["id"])) == ends(package) + timedelta(days=1)
    place.clock.forward(days=9)
    tasks.notice_silence()
    place.sweep()
    assert place.see(package["id"])["status"] == "EXPIRED"
    beat(place)
    place.clock.forward(days=1)
    assert tasks.notice_silence() == 1


def test_of_two_silent_kiosks_one_is_forgotten(place: Place) -> None:
    left = kiosk_api(make_kiosk(place.location, "left"))
    beat(place)
    left.post("/kiosk/heartbeat", {"software_version": "1"})
    place.clock.forward(days=1)
    tasks.notice_silence()
    by = Actor(name="staff:anna")
    operations.forget_heartbeats(kiosk_id=Kiosk.objects.get(name="left").pk, by=by, now=timezone.now())
    assert Downtime.objects.open().count() == 1
    operations.forget_heartbeats(kiosk_id=10**9, by=by, now=timezone.now())
    assert Downtime.objects.open().count() == 1


def test_couriers_hear_of_it_by_webhook(place: Place) -> None:
    courier = Courier.objects.get()
    stranger = make_courier("stranger")
    for one in (courier, stranger):
        make_webhook(one)
    package = place.bring()
    send(place, "suspend", reason="flood")
    send(place, "suspend", reason="again")
    place.clock.forward(hours=1)
    send(place, "resume")
    send(place, "resume")
    assert announced(courier) == ["package.stored", "location.suspended", "location.resumed"]
    assert announced(stranger) == []

    beat(place)
    place.clock.forward(days=3)
    place.sweep()
    tasks.notice_silence()
    assert announced(courier)[3:] == ["package.expired", "package.stored"]
    assert place.see(package["id"])["status"] == "STORED"


def announced(courier: Courier) -> list[str]:
    subjects = courier.webhooks.values_list("destination_id", flat=True)
    found = Notification.objects.filter(channel="webhook", subject__in=subjects).order_by("id")
    return list(found.values_list("kind", flat=True))
