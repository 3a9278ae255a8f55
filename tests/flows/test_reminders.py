"""A recipient forgets their parcel: two reminders, a link, two more days, and at last the way back."""

from __future__ import annotations

import re

from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from packages_app import tasks
from packages_app.models import Package
from tests.flows.conftest import Place


def link_in(text: str) -> str:
    found = re.search(r"https://lockers\.example\.com(/p/\S+/)", text)
    assert found, text
    return found[1]


def test_reminded_kept_longer_collected_or_taken_back(place: Place, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://lockers.example.com"
    brought = place.bring()
    Package.objects.update(updated_at=timezone.now())  # the database's own clock is not the one of this test
    (told,) = place.messages()
    place.clock.forward(hours=47)
    assert tasks.remind() == 0
    place.clock.forward(hours=1)
    assert (tasks.remind(), tasks.remind()) == (1, 0)
    (reminder,) = place.messages()
    assert "/p/" not in reminder
    place.clock.forward(hours=12)
    assert tasks.remind() == 1
    (last,) = place.messages()
    code = re.findall(r"\b\d{4} \d{4}\b", told)
    assert code == re.findall(r"\b\d{4} \d{4}\b", reminder) == re.findall(r"\b\d{4} \d{4}\b", last)
    assert len(last) <= 160
    link = link_in(last)
    assert link == link_in(str(mail.outbox[-1].body))

    phone = Client()
    page = phone.get(link)
    assert page.status_code == 200
    done = phone.post(link, {"hours": "48", "seen": page.context["seen"]}, follow=True)
    assert "You can pick up your parcel until" in done.content.decode()
    Package.objects.update(updated_at=timezone.now())
    assert place.history(brought["id"])[-1] == "extended"
    place.clock.forward(hours=13)  # past the end that was
    place.sweep()
    assert place.see(brought["id"])["status"] == "STORED"
    place.clock.forward(hours=24)
    assert tasks.remind() == 1
    assert len(place.messages()) == 1

    place.clock.forward(hours=24)
    place.sweep()
    assert place.see(brought["id"])["status"] == "EXPIRED"
    assert "Your parcel was not picked up in time" in phone.get(link).content.decode()
    place.clock.forward(days=8)
    assert phone.get(link).status_code == 404
