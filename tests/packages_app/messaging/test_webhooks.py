"""What is posted to an endpoint: what was true at the event, in the same bytes at each try."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from notifications.composing import NotComposed, compose
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app import operations
from packages_app.life import announcements
from packages_app.life.lifecycle import Status
from packages_app.life.package_fields import IN_WEBHOOKS
from packages_app.models import Courier, EventType, Package, PackageEvent, Webhook
from packages_app.operations.packages.reassign import Reason
from packages_app.payloads import package_json
from packages_app.secrets import webhook_secrets
from tests.world import (
    NOW,
    actor,
    code_of,
    door,
    make_location,
    make_package,
    make_webhook,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint(courier: Courier) -> Webhook:
    return make_webhook(courier)


def composed(kind: str) -> Any:
    """The answer for the one message of this kind."""
    row = Notification.objects.get(kind=kind, channel="webhook")
    return compose([row])[row.pk]


def body(kind: str) -> Any:
    """What the one message of this kind says."""
    return json.loads(composed(kind).context["body"])


def see(package: Package) -> Any:
    """The package as the API shows it now."""
    row = Package.objects.select_related("location", "compartment__locker").get(pk=package.pk)
    return package_json.of_row(row, code=False)


def test_the_package_is_told_as_the_api_shows_it(courier: Courier, endpoint: Webhook) -> None:
    package = make_package(courier, door(make_location(), "S1"), Status.PENDING)
    operations.deposit.work(package_id=package.pk, by=actor(courier), now=NOW)

    line = PackageEvent.objects.get(package=package)
    shown = see(package)
    assert body("package.stored") == {
        "type": "package.stored",
        "timestamp": package_json.moment(line.at),
        "data": {**{name: shown[name] for name in IN_WEBHOOKS}, "event": "deposited"},
    }
    assert composed("package.stored").to == endpoint.url


def test_each_event_tells_its_own_moment_however_late_it_is_sent(courier: Courier, endpoint: Webhook) -> None:
    package = make_package(courier, door(make_location(), "S1"), Status.PENDING)
    by = actor(courier)
    operations.deposit.work(package_id=package.pk, by=by, now=NOW)
    stored = see(package)
    first = composed("package.stored").context["body"]
    operations.extend.work(package_id=package.pk, by=by, now=NOW, hours=48)
    operations.reassign.work(package_id=package.pk, by=by, now=NOW, reason=Reason.TOO_SMALL)
    operations.cancel.work(package_id=package.pk, by=by, now=NOW + timedelta(hours=1))
    cancelled = see(package)
    operations.return_to_courier.work(package_id=package.pk, by=by, now=NOW + timedelta(hours=2))

    assert composed("package.stored").context["body"] == first
    for kind, shown in {
        "package.stored": stored,
        "package.cancelled": cancelled,
        "package.returned": see(package),
    }.items():
        data = body(kind)["data"]
        assert {name: data[name] for name in IN_WEBHOOKS} == {name: shown[name] for name in IN_WEBHOOKS}
    assert (stored["size"], cancelled["size"], stored["compartment"]["label"]) == ("SMALL", "MEDIUM", "S1")
    assert body("package.returned")["data"]["compartment"] is None


def test_no_code_and_nobody_is_in_it(courier: Courier, endpoint: Webhook) -> None:
    package = make_package(courier, door(make_location(), "S1"), Status.PENDING)
    operations.deposit.work(package_id=package.pk, by=actor(courier), now=NOW)
    text = composed("package.stored").context["body"].decode()
    recipient = package.recipient
    for secret in (code_of(package), recipient.name, recipient.email, recipient.phone, "recipient"):
        assert secret not in text


def test_every_member_of_a_package_is_known_to_change_or_not(courier: Courier) -> None:
    """A new member of the API's package must be told at the event, or left out; never looked up later."""
    package = make_package(courier, door(make_location(), "S1"))
    personal = {"delegate"}
    assert set(IN_WEBHOOKS) == set(see(package)) - personal


def test_locations_and_further_facts(courier: Courier, endpoint: Webhook) -> None:
    location = make_location()
    package = make_package(courier, door(location, "S1"))
    location.suspend(reason="water", now=NOW)
    announcements.announce_location(location, EventType.LOCATION_SUSPENDED, now=NOW)
    announcements.announce(
        courier_id=courier.pk,
        event_type=EventType.PACKAGE_REMINDER_SENT,
        subject=f"package:{package.pk}",
        cause="reminder:1",
        at=NOW,
        facts={"hours_left": 12},
    )
    assert body("location.suspended") == {
        "type": "location.suspended",
        "timestamp": "2026-11-20T12:00:00Z",
        "data": {"location": "TLL-1", "name": "Place TLL-1", "suspended": True},
    }
    data = body("package.reminder_sent")["data"]
    assert (data["id"], data["hours_left"]) == (str(package.pk), 12)
    assert "event" not in data


def test_a_rehearsal_says_that_it_is_one(courier: Courier, endpoint: Webhook) -> None:
    """It goes to the twin's own endpoints, and to nobody else's."""
    twin = courier.in_sandbox()
    rehearsed = make_webhook(twin)
    place = make_location("SANDBOX-1", sandbox=True)
    package = make_package(twin, door(place, "S1"), Status.PENDING)
    operations.deposit.work(package_id=package.pk, by=actor(twin), now=NOW)
    row = Notification.objects.get(kind="package.stored", channel="webhook")
    assert row.subject == rehearsed.destination_id
    told = body("package.stored")
    assert (told["test"], told["data"]["id"]) == (True, str(package.pk))
    Courier.objects.filter(pk=courier.pk).update(active=False)
    assert composed("package.stored") == Suppressed("the courier is inactive")


def test_what_is_left_to_say_to_an_endpoint_that_is_not_there(courier: Courier, endpoint: Webhook) -> None:
    package = make_package(courier, door(make_location(), "S1"), Status.PENDING)
    operations.deposit.work(package_id=package.pk, by=actor(courier), now=NOW)
    courier.active = False
    courier.save()
    assert composed("package.stored") == Suppressed("the courier is inactive")
    endpoint.delete()
    assert composed("package.stored") == Suppressed("the endpoint was deleted")


def test_the_secret_is_the_endpoints_own_and_stands_nowhere(
    courier: Courier, endpoint: Webhook, settings: Settings
) -> None:
    package = make_package(courier, door(make_location(), "S1"), Status.PENDING)
    operations.deposit.work(package_id=package.pk, by=actor(courier), now=NOW)
    shown = webhook_secrets.shown(endpoint.pk, 1, 1)
    assert shown.startswith("whsec_")
    assert composed("package.stored").context["keys"] == [base64.b64decode(shown.removeprefix("whsec_"))]
    other = make_webhook(courier)
    keys = {
        webhook_secrets.key(endpoint.pk, 1, 1),
        webhook_secrets.key(endpoint.pk, 2, 1),
        webhook_secrets.key(other.pk, 1, 1),
    }
    settings.WEBHOOK_SECRETS = {1: b"another-secret-of-the-server-0123456789"}
    assert len(keys | {webhook_secrets.key(endpoint.pk, 1, 1)}) == 4
    assert "whsec" not in repr(composed("package.stored"))


def test_for_a_day_after_the_rotation_both_sign(courier: Courier, endpoint: Webhook) -> None:
    endpoint.secret_version = 2
    endpoint.previous_version, endpoint.previous_secret_id = 1, 1
    endpoint.previous_until = NOW
    second = timedelta(seconds=1)
    assert endpoint.versions(now=NOW - second) == [(1, 2), (1, 1)]
    assert endpoint.versions(now=NOW) == [(1, 2)]


def test_a_secret_taken_away_too_early_is_a_fault_of_ours_that_may_be_mended(
    courier: Courier, endpoint: Webhook, settings: Settings
) -> None:
    package = make_package(courier, door(make_location(), "S1"), Status.PENDING)
    operations.deposit.work(package_id=package.pk, by=actor(courier), now=NOW)
    secret = dict(settings.WEBHOOK_SECRETS)
    settings.WEBHOOK_SECRETS = {2: b"another-secret-of-the-server-0123456789"}
    assert composed("package.stored") == NotComposed("KeyError while composing")
    settings.WEBHOOK_SECRETS = secret
    assert isinstance(composed("package.stored"), Message)
