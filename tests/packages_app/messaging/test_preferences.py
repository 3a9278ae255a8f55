"""How people want to be written to: chosen on their page, for their next packages too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from lockers.models import Compartment
from notifications import outbox
from notifications.delivery.people import deliver_due
from notifications.models import Notification
from notifications.sms import locmem
from packages_app.life.kinds import KINDS
from packages_app.messaging import links, preferences
from packages_app.models import AddressChoice, Courier, Package
from tests.world import door, make_courier, make_location, make_package, make_recipient

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def package() -> Package:
    return lying(make_courier(), door(make_location(), "S1"))


def lying(courier: Courier, compartment: Compartment, **fields: Any) -> Package:
    """A stored package whose recipient's page is open: these tests run on the real clock."""
    now = timezone.now()
    ends = now + timedelta(hours=10)
    return make_package(courier, compartment, created_at=now, stored_at=now, expires_at=ends, **fields)


def press(client: Client, package: Package, way: str, button: str = "write_by") -> str:
    answer = client.post(f"/p/{links.token(package)}/", {button: way}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def told(package: Package, cause: str, kind: str = "stored") -> dict[str, tuple[str, str]]:
    """What is sent of a message by both channels."""
    subject = f"package:{package.pk}"
    outbox.enqueue(kind=kind, channels=["email", "sms"], subject=subject, dedup_prefix=cause)
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
    following = lying(package.courier, door(package.location, "S2"), recipient=make_recipient())
    assert told(following, "two") == {way: ("sent", ""), other: suppressed}
    assert (len(mail.outbox), len(locmem.outbox)) == ((2, 0) if way == "email" else (0, 2))
    press(client, package, "both")
    assert told(package, "three") == {way: ("sent", ""), other: ("sent", "")}
    assert not AddressChoice.objects.exists()


def test_somebody_else_is_written_to_as_ever(client: Client, package: Package) -> None:
    press(client, package, "email")
    stranger = make_recipient(phone="+3725550099", email="juri@example.com")
    other = lying(package.courier, door(package.location, "S2"), recipient=stranger)
    assert told(other, "one") == {"email": ("sent", ""), "sms": ("sent", "")}


def test_the_only_address_is_used_although_it_is_unwanted(client: Client, package: Package) -> None:
    press(client, package, "email")
    only = make_recipient(email="")
    other = lying(package.courier, door(package.location, "S2"), recipient=only)
    assert told(other, "one")["sms"] == ("sent", "")
    assert "write_by" not in client.get(f"/p/{links.token(other)}/").content.decode()
    assert "Nothing was changed" in press(client, other, "email")


def test_two_unwanted_addresses_in_one_are_both_used(package: Package) -> None:
    mari = package.recipient
    preferences.choose_channel(mari, "email")
    preferences.choose_channel(make_recipient(phone="+3725550099"), "sms")
    assert told(package, "one") == {"email": ("sent", ""), "sms": ("sent", "")}


@pytest.mark.parametrize("way", ["", "none", "webhook", "e\x00mail", "EMAIL"])
def test_what_is_no_choice_changes_nothing(client: Client, package: Package, way: str) -> None:
    assert "Nothing was changed" in press(client, package, way)
    assert not AddressChoice.objects.exists()


def test_the_page_shows_the_choice_and_looking_makes_none(client: Client, package: Package) -> None:
    preferences.choose_channel(package.recipient, "sms")
    client.get(f"/p/{links.token(package)}/", {"write_by": "email"})
    assert preferences.channel_choice(package.recipient) == "sms"
    assert client.post("/p/wrong/", {"write_by": "email"}).status_code == 404
    stored = [bytes(digest) for digest in AddressChoice.objects.values_list("pk", flat=True)]
    assert len(stored) == 1
    assert b"mari" not in stored[0]


SENT = {"email": ("sent", ""), "sms": ("sent", "")}
NOT_NEEDED = ("suppressed", "the recipient wants only what is needed to collect")


def test_who_wants_only_what_is_needed_gets_no_receipts(client: Client, package: Package) -> None:
    assert "Thank you" in press(client, package, "needed", "write_about")
    following = lying(package.courier, door(package.location, "S2"), recipient=make_recipient())
    for one in (package, following):
        assert told(one, f"code {one.pk}") == SENT
        Package.objects.filter(pk=one.pk).update(
            status="CANCELLED", cancelled_at=timezone.now(), code_mac=None
        )
        assert told(one, f"over {one.pk}", "cancelled") == SENT
        assert told(one, f"back {one.pk}", "returned") == {"email": NOT_NEEDED, "sms": NOT_NEEDED}
    press(client, package, "all", "write_about")
    assert told(package, "all", "returned") == SENT
    assert not AddressChoice.objects.exists()


def test_the_two_choices_do_not_touch_each_other(client: Client, package: Package) -> None:
    press(client, package, "needed", "write_about")
    press(client, package, "sms")
    assert (preferences.kinds_choice(package.recipient), preferences.channel_choice(package.recipient)) == (
        "needed",
        "sms",
    )
    press(client, package, "all", "write_about")
    assert preferences.channel_choice(package.recipient) == "sms"
    press(client, package, "both")
    assert not AddressChoice.objects.exists()


def test_with_one_address_there_is_still_something_to_choose(client: Client, package: Package) -> None:
    mari = make_recipient(phone="", email="MARI@example.com")
    only = lying(package.courier, door(package.location, "S2"), recipient=mari)
    press(client, only, "needed", "write_about")
    page = client.get(f"/p/{links.token(only)}/").content.decode()
    assert 'name="write_by"' not in page
    assert page.count('aria-current="true"') == 1
    assert told(package, "one", "returned") == {"email": NOT_NEEDED, "sms": ("sent", "")}


@pytest.mark.parametrize("kinds", ["", "both", "NEEDED", "all\x00"])
def test_what_is_no_choice_of_kinds_changes_nothing(client: Client, package: Package, kinds: str) -> None:
    assert "Nothing was changed" in press(client, package, kinds, "write_about")
    assert not AddressChoice.objects.exists()


def test_letters_in_any_case_are_one_address(package: Package) -> None:
    preferences.choose_channel(package.recipient, "sms")
    same = make_recipient(email="MARI@example.com")
    assert preferences.channel_choice(same) == "sms"
    both = preferences.choices([same, package.recipient])
    assert preferences.wanted(same, both) == preferences.wanted(package.recipient, both) == ["sms"]


def test_every_kind_that_shows_a_code_is_needed() -> None:
    courtesies = {kind for kind in KINDS if KINDS[kind].courtesy}
    assert courtesies == {"retrieved", "returned"}
    assert not any(KINDS[kind].shows_code for kind in courtesies)
