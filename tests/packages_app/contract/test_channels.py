"""`recipient.channels`: the channels that a courier chooses for messages about one package."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from lockers.models import Compartment, Location
from notifications import outbox
from notifications.channels.people import ADDRESS_FIELDS
from notifications.delivery.people import deliver_due
from notifications.models import Notification
from notifications.sms import locmem
from packages_app import operations
from packages_app.api.schemas.people import RecipientIn
from packages_app.core.actor import SYSTEM
from packages_app.messaging import links, preferences
from packages_app.models import Package, Recipient
from tests.packages_app.contract.answers import refused
from tests.world import Api, code_of, door, kiosk_api, make_key, make_kiosk, make_location, parcel

pytestmark = pytest.mark.django_db(transaction=True)

BOTH = {"name": "Mari Maasikas", "email": "mari@example.com", "phone": "+3725551234"}
OTHER = {"email": "sms", "sms": "email"}
one_channel = pytest.mark.parametrize("channel", ["email", "sms"])


@pytest.fixture(autouse=True)
def noon() -> None:
    """No travel: reminders compare with rows whose times the database's own clock has written."""


def bring(api: Api, location: Location, channels: Any, **more: Any) -> Package:
    """Return a body whose recipient has both addresses."""
    answer = api.post("/lockers/assign", parcel(location, recipient={**BOTH, "channels": channels}, **more))
    assert answer.status_code in (201, 202), answer.content
    return Package.objects.latest("created_at") if answer.status_code == 201 else Package()


def told() -> list[tuple[str, str]]:
    """Return the kind and channel of every message."""
    return list(Notification.objects.order_by("id").values_list("kind", "channel"))


@pytest.mark.parametrize(
    ("channels", "kept", "by"),
    [
        (None, "", ["email", "sms"]),
        (["email", "sms"], "", ["email", "sms"]),
        (["sms", "email"], "", ["email", "sms"]),
        (["email"], "email", ["email"]),
        (["sms"], "sms", ["sms"]),
    ],
)
def test_a_code_goes_by_these_and_no_others(
    api: Api, location: Location, channels: Any, kept: str, by: list[str]
) -> None:
    bring(api, location, channels)
    assert Recipient.objects.get().only_channel == kept
    assert sorted(told()) == [("stored", channel) for channel in by]


def test_one_address_and_its_channel(api: Api, location: Location) -> None:
    answer = api.post(
        "/lockers/assign",
        parcel(location, recipient={"name": "Mari", "email": "mari@example.com", "channels": ["email"]}),
    )
    assert answer.status_code == 201
    assert told() == [("stored", "email")]


@one_channel
def test_every_later_message_keeps_to_it(api: Api, location: Location, channel: str) -> None:
    package = bring(api, location, [channel], deposited=False)
    assert told() == []
    api.post(f"/packages/{package.pk}/deposit")
    api.post(f"/packages/{package.pk}/hold")
    api.post(f"/packages/{package.pk}/release")
    api.post(f"/packages/{package.pk}/resend-code")
    end = Package.objects.get().expires_at
    assert end is not None
    operations.remind_due(now=end - timedelta(hours=20))
    places: dict[str, Any] = {"locations": Location.objects.all(), "location_id": location.pk, "by": SYSTEM}
    now = timezone.now()
    operations.suspend_location(**places, now=now, reason="flood")
    operations.resume_location(**places, now=now + timedelta(minutes=1))
    screen = kiosk_api(make_kiosk(location))
    assert screen.post("/pickup", {"code": code_of(package)}).status_code == 200
    screen.post(f"/pickup/{package.pk}/door-failed")
    end = Package.objects.get().expires_at
    assert end is not None
    operations.expire_due(now=end)
    api.post(f"/packages/{package.pk}/cancel")
    about = Notification.objects.filter(subject=f"package:{package.pk}")
    assert [row.kind for row in about.order_by("id")] == [
        "stored",
        "held",
        "released",
        "code_renewed",
        "reminder",
        "location_suspended",
        "location_resumed",
        "retrieved",
        "door_failed",
        "expired",
        "cancelled",
    ]
    assert {row.channel for row in about} == {channel}


@one_channel
def test_from_the_queue(api: Api, location: Location, channel: str) -> None:
    Compartment.objects.filter(location=location).update(occupancy="unverified")
    bring(api, location, [channel], queue=True)
    Compartment.objects.filter(pk=door(location, "S1").pk).update(occupancy="empty")
    assert operations.grant_due(now=timezone.now()) == 1
    api.post(f"/packages/{Package.objects.get().pk}/deposit")
    assert told() == [("stored", channel)]


@one_channel
def test_what_was_written_for_the_other_is_not_sent(api: Api, location: Location, channel: str) -> None:
    """The courier's choice for a package comes before the recipient's own preference."""
    package = bring(api, location, [channel])
    preferences.choose_channel(Recipient(**BOTH), OTHER[channel])
    Notification.objects.all().delete()
    outbox.enqueue(
        kind="stored", channels=["email", "sms"], subject=f"package:{package.pk}", dedup_prefix="one"
    )
    mail.outbox.clear()
    locmem.outbox.clear()
    deliver_due()
    rows = {row.channel: (row.status, row.reason) for row in Notification.objects.all()}
    assert rows == {
        channel: ("sent", ""),
        OTHER[channel]: ("suppressed", "the courier wants no messages by this channel"),
    }
    assert (len(mail.outbox), len(locmem.outbox)) == ((1, 0) if channel == "email" else (0, 1))


def test_the_page_offers_no_choice_where_there_is_none(api: Api, location: Location) -> None:
    package = bring(api, location, ["email"])
    page = Client().get(f"/p/{links.token(package)}/").content.decode()
    assert 'name="write_by"' not in page


@one_channel
def test_in_the_sandbox(courier: Any, channel: str) -> None:
    place = make_location("SANDBOX-1", latitude=59, longitude=24, sandbox=True)
    _, text = make_key(courier=courier, test=True, scopes=["packages"])
    api = Api(text, Client(raise_request_exception=False))
    bring(api, place, [channel], tracking_number="TEST-COLLECTED")
    assert told() == [("stored", channel), ("retrieved", channel)]


def test_another_list_is_another_request(api: Api, location: Location) -> None:
    body = parcel(location, "T-1", recipient={**BOTH, "channels": ["email"]})
    first = api.post("/lockers/assign", body, key="k-1")
    again = api.post("/lockers/assign", body, key="k-1")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    body["recipient"]["channels"] = ["sms"]
    refused(api.post("/lockers/assign", body, key="k-1"), 422, "idempotency_key_reused")


def test_a_delegate_has_none(api: Api, location: Location) -> None:
    package = bring(api, location, ["email"])
    juhan = {"name": "Juhan", "email": "juhan@example.com", "phone": "+3725559876"}
    problem = refused(
        api.post(f"/packages/{package.pk}/delegate", {**juhan, "channels": ["email"]}), 422, "invalid_request"
    )
    assert problem["errors"][0]["field"] == "channels"
    api.post(f"/packages/{package.pk}/delegate", juhan)
    assert ("delegated", "sms") in told()
    assert ("delegate_named", "sms") not in told()


def test_with_a_third_channel_one_or_all_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Recipient.only_channel` keeps one channel, so that two of three cannot be asked for."""
    monkeypatch.setitem(ADDRESS_FIELDS, "whatsapp", "phone")
    with pytest.raises(ValueError, match="one, or every one"):
        RecipientIn.model_validate({**BOTH, "channels": ["email", "sms"]})
    assert RecipientIn.model_validate({**BOTH, "channels": ["sms"]}).only_channel == "sms"
