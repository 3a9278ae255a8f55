"""How people want to be written to: chosen on their page, for their next packages too."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from notifications import outbox
from notifications.delivery import deliver_due
from notifications.models import Notification
from notifications.sms import locmem
from packages_app import links, preferences
from packages_app.models import Package, UnwantedAddress
from tests.world import door, make_courier, make_location, make_package, make_recipient

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def package() -> Package:
    expires_at = timezone.now() + timedelta(hours=10)
    return make_package(make_courier(), door(make_location(), "S1"), expires_at=expires_at)


def press(client: Client, package: Package, way: str) -> str:
    answer = client.post(f"/p/{links.token(package)}/", {"write_by": way}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def told(package: Package, cause: str) -> dict[str, tuple[str, str]]:
    """What is sent of a message by both channels."""
    subject = f"package:{package.pk}"
    outbox.enqueue(kind="stored", channels=["email", "sms"], subject=subject, dedup_prefix=cause)
    deliver_due()
    rows = Notification.objects.filter(dedup_key__startswith=cause)
    return {row.channel: (row.status, row.reason) for row in rows}


@pytest.mark.parametrize(("way", "other"), [("email", "sms"), ("sms", "email")])
def test_a_choice_holds_for_this_and_the_next_package(
    client: Client, package: Package, way: str, other: str
) -> None:
    locmem.outbox.clear()
    assert "Thank you" in press(client, package, way)
    suppressed = ("suppressed", "the recipient wants no messages by this channel")
    assert told(package, "one") == {way: ("sent", ""), other: suppressed}
    following = make_package(package.courier, door(package.location, "S2"), recipient=make_recipient())
    assert told(following, "two") == {way: ("sent", ""), other: suppressed}
    assert (len(mail.outbox), len(locmem.outbox)) == ((2, 0) if way == "email" else (0, 2))
    press(client, package, "both")
    assert told(package, "three") == {way: ("sent", ""), other: ("sent", "")}
    assert not UnwantedAddress.objects.exists()


def test_somebody_else_is_written_to_as_ever(client: Client, package: Package) -> None:
    press(client, package, "email")
    stranger = make_recipient(phone="+3725550099", email="juri@example.com")
    other = make_package(package.courier, door(package.location, "S2"), recipient=stranger)
    assert told(other, "one") == {"email": ("sent", ""), "sms": ("sent", "")}


def test_the_only_address_is_used_although_it_is_unwanted(client: Client, package: Package) -> None:
    press(client, package, "email")
    only = make_recipient(email="")
    other = make_package(package.courier, door(package.location, "S2"), recipient=only)
    assert told(other, "one")["sms"] == ("sent", "")
    assert "write_by" not in client.get(f"/p/{links.token(other)}/").content.decode()
    assert "Nothing was changed" in press(client, other, "email")


def test_two_unwanted_addresses_in_one_are_both_used(package: Package) -> None:
    mari = package.recipient
    preferences.choose(mari, "email")
    preferences.choose(make_recipient(phone="+3725550099"), "sms")
    assert told(package, "one") == {"email": ("sent", ""), "sms": ("sent", "")}


@pytest.mark.parametrize("way", ["", "none", "webhook", "e\x00mail", "EMAIL"])
def test_what_is_no_choice_changes_nothing(client: Client, package: Package, way: str) -> None:
    assert "Nothing was changed" in press(client, package, way)
    assert not UnwantedAddress.objects.exists()


def test_the_page_shows_the_choice_and_looking_makes_none(client: Client, package: Package) -> None:
    preferences.choose(package.recipient, "sms")
    client.get(f"/p/{links.token(package)}/", {"write_by": "email"})
    assert preferences.choice(package.recipient) == "sms"
    assert client.post("/p/wrong/", {"write_by": "email"}).status_code == 404
    stored = [bytes(digest) for digest in UnwantedAddress.objects.values_list("pk", flat=True)]
    assert len(stored) == 1
    assert b"mari" not in stored[0]
