"""What a recipient is told, looked up when it is sent."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from lockers.models import Location
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app.life import kinds
from packages_app.life.lifecycle import TOLD, Status
from packages_app.messaging.recipients import compose
from packages_app.models import Courier, Package
from packages_app.secrets import pickup_codes
from tests.world import (
    NOW,
    UNTIL,
    code_of,
    door,
    make_delegate,
    make_location,
    make_package,
    make_recipient,
    make_told,
)

pytestmark = pytest.mark.django_db

KINDS = sorted(set(TOLD.values()))


@pytest.fixture
def location() -> Location:
    return make_location(time_zone="Europe/Tallinn", address="Viru 1", city="Tallinn")


def row(package_id: uuid.UUID, kind: str, channel: str = "sms") -> Notification:
    """A row of the outbox."""
    return Notification.objects.create(
        kind=kind, channel=channel, subject=f"package:{package_id}", dedup_key=f"{uuid.uuid4()}"
    )


def composed(package: Package, kind: str, channel: str = "sms") -> Message | Suppressed:
    """What becomes of one message about it."""
    notification = row(package.pk, kind, channel)
    return compose([notification])[notification.pk]


def test_a_stored_one(location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"), tracking_number="T-1")
    message = composed(package, "stored")
    assert isinstance(message, Message)
    assert message.to == "+3725551234"
    assert message.language == "en"
    assert message.context == {
        "recipient_name": "Mari Maasikas",
        "location_name": "Place TLL-1",
        "location_address": "Viru 1, Tallinn",
        "compartment": "S1",
        "courier_name": "DPD",
        "tracking_number": "T-1",
        "expires_at": UNTIL,
        "hold_days": 3,
        "code": pickup_codes.shown(code_of(package)),
    }
    expires_at: Any = message.context["expires_at"]
    assert (expires_at.hour, str(expires_at.tzinfo)) == (14, "Europe/Tallinn")
    assert code_of(package) not in repr(message)
    email = composed(package, "stored", "email")
    assert isinstance(email, Message)
    assert email.to == "mari@example.com"


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_opens_a_door_shows_the_code(location: Location, courier: Courier, kind: str) -> None:
    status = {"retrieved": Status.RETRIEVED, "expired": Status.EXPIRED, "cancelled": Status.CANCELLED}
    held_at = UNTIL if kind == "held" else None
    package = make_package(courier, door(location, "S1"), status.get(kind, Status.STORED), held_at=held_at)
    if kind == "location_suspended":
        location.suspend(reason="storm", now=NOW)
    make_delegate(package)
    make_told(package)
    message = composed(package, kind)
    assert isinstance(message, Message)
    opens = kind in ("stored", "code_renewed", "extended", "door_failed", "released")
    assert ("code" in message.context) == opens
    assert (kinds.KINDS[kind].priority < kinds.DEFAULT_PRIORITY) == opens


@pytest.mark.parametrize(
    "kind", ["stored", "code_renewed", "extended", "door_failed", "reminder", "location_resumed"]
)
@pytest.mark.parametrize("status", [one for one in Status if one != Status.STORED])
def test_a_code_that_opens_nothing_is_not_sent(
    location: Location, courier: Courier, kind: str, status: Status
) -> None:
    package = make_package(courier, door(location, "S1"), status)
    assert composed(package, kind) == Suppressed(f"the package is {status}")


@pytest.mark.parametrize(
    "kind", ["stored", "code_renewed", "extended", "door_failed", "reminder", "reminder_last", "released"]
)
def test_no_code_of_what_is_held_back_is_sent(location: Location, courier: Courier, kind: str) -> None:
    package = make_package(courier, door(location, "S1"), held_at=UNTIL)
    assert composed(package, kind) == Suppressed("the package is on hold")
    assert isinstance(composed(package, "held"), Message)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ({}, True),
        ({"kind": "reminder", "status": "delivered", "receipt_at": NOW}, True),
        ({"status": "pending", "sent_at": None}, False),
        ({"status": "bounced", "receipt_at": NOW, "reason": "no such user"}, False),
        ({"status": "suppressed", "sent_at": None, "reason": "sandbox"}, False),
        ({"kind": "cancelled"}, False),
        (None, False),
    ],
)
def test_who_never_heard_of_it_does_not_hear_that_it_is_cancelled(
    location: Location, courier: Courier, said: dict[str, Any] | None, heard: bool
) -> None:
    package = make_package(courier, door(location, "S1"), Status.CANCELLED)
    make_told(make_package(courier, door(location, "S2"), Status.CANCELLED))  # nobody else's word counts
    if said is not None:
        make_told(package, **said)
    answer = composed(package, "cancelled")
    if heard:
        assert isinstance(answer, Message)
    else:
        assert answer == Suppressed("the recipient was never told about it")


def test_a_hold_that_is_over_is_not_told(location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"))
    assert composed(package, "held") == Suppressed("the package is no longer on hold")


def test_a_delegate_is_told_their_own_code_and_the_recipient_who_they_are(
    location: Location, courier: Courier
) -> None:
    package = make_package(courier, door(location, "S1"))
    delegate = make_delegate(package, language="et")
    notification = row(package.pk, "delegated")
    notification.context = {"delegate": str(delegate.pk)}
    message = compose([notification])[notification.pk]
    assert isinstance(message, Message)
    assert (message.to, message.language) == (delegate.phone, "et")
    assert message.context["recipient_name"] == delegate.name
    assert message.context["owner_name"] == "Mari Maasikas"
    assert message.context["code"] == pickup_codes.shown(delegate.code)
    assert code_of(package) not in str(message.context).replace(" ", "")
    named = composed(package, "delegate_named")
    assert isinstance(named, Message)
    assert (named.to, named.context["delegate_name"]) == ("+3725551234", delegate.name)
    assert "code" not in named.context


@pytest.mark.parametrize("kind", ["delegated", "delegate_named"])
def test_who_may_collect_no_more_is_told_nothing(location: Location, courier: Courier, kind: str) -> None:
    package = make_package(courier, door(location, "S1"))
    delegate = make_delegate(package)
    notification = row(package.pk, kind)
    notification.context = {"delegate": str(delegate.pk)}
    delegate.withdraw(now=UNTIL)
    gone = Suppressed("the package has no delegate any more")
    assert compose([notification])[notification.pk] == gone
    make_delegate(package)
    told = compose([notification])[notification.pk]
    assert told == Suppressed("the package has another delegate now") or kind == "delegate_named"
    Package.objects.update(held_at=UNTIL)
    if kind == "delegated":
        assert compose([notification])[notification.pk] == Suppressed("the package is on hold")


def test_an_end_that_was_taken_back_is_not_told(location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"), expires_at=UNTIL + timedelta(days=1))
    assert composed(package, "expired") == Suppressed("the hold was extended")


def test_a_location_that_is_back_is_not_called_closed(location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"))
    assert isinstance(composed(package, "location_suspended"), Suppressed)


def test_an_address_that_has_gone(location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"), recipient=make_recipient(phone=""))
    assert composed(package, "stored") == Suppressed("the recipient has no such address")
    assert isinstance(composed(package, "stored", "email"), Message)


def test_a_package_that_there_is_not() -> None:
    notification = row(uuid.uuid4(), "stored")
    assert compose([notification])[notification.pk] == Suppressed("the package does not exist")


def test_the_code_is_the_one_of_now(location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"))
    notification = row(package.pk, "stored")
    Package.objects.filter(pk=package.pk).update(code_version=2)
    message = compose([notification])[notification.pk]
    assert isinstance(message, Message)
    assert message.context["code"] == pickup_codes.shown(pickup_codes.compute(package.pk, 2, 1))


def test_a_batch_is_looked_up_at_once(
    location: Location, courier: Courier, django_assert_num_queries: Any
) -> None:
    packages = [make_package(courier, door(location, label)) for label in ("S1", "S2", "M1")]
    rows = [row(package.pk, "stored", channel) for package in packages for channel in ("sms", "email")]
    with django_assert_num_queries(2):  # packages, and how their people want to be written to
        answers = compose(rows)
    assert set(answers) == {one.pk for one in rows}
    assert {message.to for message in answers.values() if isinstance(message, Message)} == {
        "+3725551234",
        "mari@example.com",
    }


def test_a_language_is_the_recipient_s(location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"), recipient=make_recipient(language="et"))
    message = composed(package, "stored")
    assert isinstance(message, Message)
    assert message.language == "et"
