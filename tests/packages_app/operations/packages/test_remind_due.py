"""Recipients are reminded before the end of the hold, once each, and only of what is true."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from lockers.models import Downtime, Location
from notifications.models import Notification
from packages_app import operations
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Package
from tests.world import (
    NOW,
    actor,
    door,
    make_location,
    make_package,
    make_recipient,
    make_webhook,
)

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
module = sys.modules["packages_app.operations.packages.remind_due"]  # the package's own name is the operation
END = NOW + 72 * HOUR


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches follow each other at once."""
    monkeypatch.setattr(module, "REST", 0)


@pytest.fixture
def location() -> Location:
    return make_location(small=9)


def lying(courier: Courier, location: Location, label: str = "S1", **fields: Any) -> Package:
    """A package that lies there since noon, for three days."""
    fields = {"stored_at": NOW, "expires_at": END, "updated_at": NOW, **fields}
    return make_package(courier, door(location, label), **fields)


def told(package: Package | None = None) -> list[tuple[str, str]]:
    """Which reminders stand in the outbox."""
    rows: Iterable[Notification] = Notification.objects.exclude(channel="webhook").order_by("id")
    return [(row.kind, row.channel) for row in rows if package is None or str(package.pk) in row.subject]


def test_once_a_day_before_and_once_in_the_last_hours(location: Location, courier: Courier) -> None:
    package = lying(courier, location)
    before = Package.objects.get()
    looks = [END - 24 * HOUR - HOUR / 60, END - 24 * HOUR, END - 23 * HOUR, END - 13 * HOUR]
    assert [operations.remind_due(now=now) for now in looks] == [0, 1, 0, 0]
    assert told() == [("reminder", "email"), ("reminder", "sms")]
    row = Notification.objects.earliest("id")
    assert (row.subject, row.status, row.priority) == (f"package:{package.pk}", "pending", 5)
    assert datetime.fromisoformat(row.context["until"]) == END
    looks = [END - 12 * HOUR, END - 11 * HOUR, END - HOUR, END, END + HOUR]
    assert [operations.remind_due(now=now) for now in looks] == [1, 0, 0, 0, 0]
    assert told()[2:] == [("reminder_last", "email"), ("reminder_last", "sms")]
    after = Package.objects.get()
    assert (after.updated_at, after.status) == (before.updated_at, before.status), "nothing happened to it"


def test_each_location_has_its_own_times(courier: Courier) -> None:
    early, never, last_only = (
        make_location("A", reminder_hours=48, reminder_last_hours=3),
        make_location("B", reminder_hours=0, reminder_last_hours=0),
        make_location("C", reminder_hours=0, reminder_last_hours=6),
    )
    packages = [lying(courier, place) for place in (early, never, last_only)]
    for hours in range(72, 0, -1):
        operations.remind_due(now=END - hours * HOUR)
    assert [[kind for kind, channel in told(one) if channel == "sms"] for one in packages] == [
        ["reminder", "reminder_last"],
        [],
        ["reminder_last"],
    ]


@pytest.mark.parametrize(
    "state",
    [
        {"status": Status.PENDING},
        {"status": Status.EXPIRED},
        {"status": Status.RETRIEVED},
        {"status": Status.CANCELLED},
        {"status": Status.RETURNED},
        {"held_at": NOW},
        {"expires_at": NOW},
    ],
)
def test_only_what_can_be_collected(location: Location, courier: Courier, state: dict[str, Any]) -> None:
    if state.get("status") == Status.PENDING:
        make_package(courier, door(location, "S1"), Status.PENDING)
    else:
        lying(courier, location, **state)
    for hours in (24, 12, 1):
        assert operations.remind_due(now=END - hours * HOUR) == 0
    assert told() == []


def test_not_where_the_hold_clock_stands(location: Location, courier: Courier) -> None:
    lying(courier, location)
    down = Downtime.objects.create(
        location=location, cause="silent", began_at=END - 25 * HOUR, begun_by="system", reason="no sign"
    )
    assert operations.remind_due(now=END - 24 * HOUR) == 0
    down.end(by="system", now=END - 24 * HOUR)
    assert operations.remind_due(now=END - 24 * HOUR) == 0, "its time is not given back yet"
    Downtime.objects.update(settled_at=END - 24 * HOUR)
    assert operations.remind_due(now=END - 24 * HOUR) == 1


@pytest.mark.parametrize("hold", [23, 24, 25])
def test_a_short_hold_is_not_reminded_of_at_once(location: Location, courier: Courier, hold: int) -> None:
    """Its recipient has just been told. The last reminder comes in its time."""
    package = lying(courier, location, expires_at=NOW + hold * HOUR)
    for minutes in range(0, 14 * 60, 30):
        operations.remind_due(now=NOW + timedelta(minutes=minutes))
    assert [kind for kind, channel in told(package) if channel == "sms"] == ["reminder_last"]


def test_an_extension_begins_a_new_hold(location: Location, courier: Courier) -> None:
    package = lying(courier, location)
    for hours in (24, 12):
        operations.remind_due(now=END - hours * HOUR)
    operations.extend(package_id=package.pk, by=actor(courier), now=END - HOUR, hours=72)
    Package.objects.update(updated_at=END - HOUR)
    later = END + 72 * HOUR
    assert [operations.remind_due(now=later - hours * HOUR) for hours in (73, 25, 24, 13, 12, 11)] == [
        0,
        0,
        1,
        0,
        1,
        0,
    ]
    reminders = ["reminder", "reminder_last"]
    assert [kind for kind, channel in told(package) if channel == "sms"] == [
        *reminders,
        "extended",
        *reminders,
    ]


def test_who_was_just_told_the_new_end_is_not_reminded_of_it(location: Location, courier: Courier) -> None:
    """Extended after its end, by a day: the message with the code says until when."""
    package = lying(courier, location, status=Status.EXPIRED)
    operations.extend(package_id=package.pk, by=actor(courier), now=END + HOUR, hours=24)
    Package.objects.update(updated_at=END + HOUR)
    assert operations.remind_due(now=END + HOUR) == 0
    assert [kind for kind, channel in told(package) if channel == "sms"] == ["extended"]
    assert operations.remind_due(now=END + 13 * HOUR) == 1


def test_more_time_before_the_end_is_told_at_once_and_not_again_within_the_hour(
    location: Location, courier: Courier
) -> None:
    package = lying(courier, location)
    operations.extend(package_id=package.pk, by=actor(courier), now=END - 25 * HOUR, hours=1)
    Package.objects.update(updated_at=END - 23.5 * HOUR)
    assert operations.remind_due(now=END - 23 * HOUR) == 0
    assert [kind for kind, channel in told(package) if channel == "sms"] == ["extended"]


def test_beat_was_away_for_a_day(location: Location, courier: Courier) -> None:
    """One message, and it is the last reminder."""
    package = lying(courier, location)
    assert operations.remind_due(now=END - 2 * HOUR) == 1
    assert [kind for kind, _ in told(package)] == ["reminder_last"] * 2


def test_every_channel_of_the_recipient_and_no_other(location: Location, courier: Courier) -> None:
    nobody = lying(courier, location, "S1", recipient=make_recipient(email="", phone=""))
    by_mail = lying(courier, location, "S2", recipient=make_recipient(phone=""))
    assert operations.remind_due(now=END - 24 * HOUR) == 1
    assert told(nobody) == []
    assert told(by_mail) == [("reminder", "email")]


def test_the_couriers_endpoint_is_told(location: Location, courier: Courier) -> None:
    endpoint, deaf = make_webhook(courier), make_webhook(courier, events=["package.stored"])
    package, silent = (
        lying(courier, location),
        lying(courier, location, "S2", recipient=make_recipient(email="", phone="")),
    )
    operations.remind_due(now=END - 24 * HOUR)
    (row,) = Notification.objects.filter(channel="webhook")
    assert (row.kind, row.subject, row.queue) == (
        "package.reminder_sent",
        endpoint.destination_id,
        f"package:{package.pk}",
    )
    assert row.subject != deaf.destination_id
    assert str(silent.pk) not in row.queue
    assert row.context["data"] == {"reminder": "reminder"}
    assert row.context["package"]["status"] == "STORED"
    operations.remind_due(now=END - 12 * HOUR)
    assert Notification.objects.filter(channel="webhook").count() == 2


def test_in_batches_and_killed_between_them(
    location: Location, courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = [lying(courier, location, f"S{n}") for n in range(1, 8)]
    calls = iter(range(9))
    real = module._remind_batch

    def killed(**arguments: Any) -> Any:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return real(**arguments)

    monkeypatch.setattr(module, "_remind_batch", killed)
    with pytest.raises(KeyboardInterrupt):
        operations.remind_due(now=END - 24 * HOUR, batch=2)
    assert len(told()) == 2 * 4
    assert operations.remind_due(now=END - 24 * HOUR, batch=2) == 3
    assert all(told(one) == [("reminder", "email"), ("reminder", "sms")] for one in packages)


def test_what_is_held_back_stands_in_nobodys_way(location: Location, courier: Courier) -> None:
    """Held back is not taken for due: such rows fill no batch."""
    for n in range(1, 4):
        lying(courier, location, f"S{n}", held_at=NOW)
    lying(courier, location, "S4")
    assert operations.remind_due(now=END - 24 * HOUR, batch=2) == 1


@pytest.mark.parametrize(
    ("first", "last", "good"),
    [
        (24, 12, True),
        (0, 12, True),
        (24, 0, True),
        (0, 0, True),
        (12, 12, False),
        (6, 12, False),
        (169, 0, False),
        (0, 73, False),
    ],
)
def test_times_that_make_no_sense_are_refused(first: int, last: int, good: bool) -> None:
    location = make_location()
    location.reminder_hours, location.reminder_last_hours = first, last
    if good:
        location.full_clean()
        location.save()
    else:
        with pytest.raises(ValidationError):
            location.full_clean()
