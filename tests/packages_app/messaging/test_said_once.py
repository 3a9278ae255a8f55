"""One message is never sent twice to the same person for the same event by the same channel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.utils import timezone

from lockers.models import Downtime, Kiosk, Location
from notifications import outbox
from notifications.delivery.people import deliver_due
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from notifications.sms import locmem
from packages_app import operations
from packages_app.core.actor import SYSTEM, Actor
from packages_app.life.lifecycle import Status
from packages_app.messaging import preferences
from packages_app.messaging.doors import tell_of_door
from packages_app.messaging.locations import tell_of_downtime
from packages_app.messaging.recipients import compose
from packages_app.models import (
    Courier,
    Delegate,
    Package,
    Recipient,
    ReportSubscription,
    WeekAtLocation,
)
from packages_app.operations.packages.pick_up import TypedCode
from tests.factories import UserFactory
from tests.world import (
    actor,
    caller,
    code_of,
    delegate_code_of,
    door,
    make_delegate,
    make_kiosk,
    make_location,
    make_package,
    make_recipient,
    make_told,
)

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
MARI: dict[str, Any] = {"name": "Mari", "email": "Mari@Example.com", "phone": "+3725551234"}
JUHAN: dict[str, Any] = {"name": "Juhan", "email": "juhan@example.com", "phone": "+3725559876"}
IN_ONE = ("suppressed", "recipient and delegate are the same person")


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def location() -> Location:
    return make_location()


@pytest.fixture
def by(courier: Courier) -> Actor:
    return actor(courier)


@pytest.fixture
def package(courier: Courier, location: Location, now: datetime) -> Package:
    """For Mari, and everything before it is said."""
    expires_at = now + 48 * HOUR
    return make_package(courier, door(location, "S1"), stored_at=now - HOUR, expires_at=expires_at)


def sent() -> list[tuple[str, str, str]]:
    """Kind, channel and address of everything that is sent now; the rest ends with a reason."""
    mail.outbox.clear()
    locmem.outbox.clear()
    before = set(Notification.objects.exclude(status__in=["pending", "sending"]).values_list("pk", flat=True))
    deliver_due()
    rows = Notification.objects.exclude(pk__in=before).filter(status="sent")
    assert len(rows) == len(mail.outbox) + len(locmem.outbox)
    addresses = [one.to[0] for one in mail.outbox] + [one.to for one in locmem.outbox]
    in_order = sorted(rows, key=lambda row: (row.channel, row.priority, row.pk))
    return sorted((row.kind, row.channel, to) for row, to in zip(in_order, addresses, strict=True))


def name(package: Package, by: Actor, now: datetime, **person: Any) -> None:
    operations.name_delegate(package_id=package.pk, by=by, now=now, delegate=Delegate(**person))


def ends() -> dict[tuple[str, str], tuple[str, str]]:
    """How each message ended."""
    rows = Notification.objects.all()
    return {(row.kind, row.channel): (row.status, row.reason) for row in rows}


# --- Recipient and delegate in one -----------------------------------------------------------------------


def test_who_is_both_hears_their_code_and_not_that_it_was_sent(
    package: Package, by: Actor, now: datetime
) -> None:
    name(package, by, now, **MARI)
    assert [(kind, channel) for kind, channel, _ in sent()] == [("delegated", "email"), ("delegated", "sms")]
    assert ends()["delegate_named", "email"] == ends()["delegate_named", "sms"] == IN_ONE


def test_only_the_channel_that_both_have_is_told_once(package: Package, by: Actor, now: datetime) -> None:
    name(package, by, now, **{**JUHAN, "phone": MARI["phone"]})
    assert sent() == [
        ("delegate_named", "email", "mari@example.com"),
        ("delegated", "email", "juhan@example.com"),
        ("delegated", "sms", "+3725551234"),
    ]


def test_a_channel_that_one_of_them_does_not_want_hides_nothing(
    courier: Courier, location: Location, by: Actor, now: datetime
) -> None:
    only = make_recipient(only_channel="email")
    package = make_package(courier, door(location, "S1"), recipient=only, expires_at=now + HOUR)
    name(package, by, now, **{**JUHAN, "phone": MARI["phone"]})
    sent()
    operations.put_on_hold(package_id=package.pk, by=by, now=now)
    sent()
    operations.release_hold(package_id=package.pk, by=by, now=now)
    assert ("delegated", "sms", "+3725551234") in sent(), "the recipient is told by e-mail alone"


@pytest.mark.parametrize("event", ["release", "extend", "door_failed", "expire", "cancel", "pick_up"])
@pytest.mark.parametrize("in_one", [True, False])
def test_what_both_are_told_goes_once_to_who_is_both(
    package: Package, by: Actor, now: datetime, location: Location, event: str, in_one: bool
) -> None:
    name(package, by, now, **(MARI if in_one else JUHAN))
    sent()
    kinds = _happens(event, package, by, now, location)
    told = sent()
    wanted = [(kinds[0], "email", "mari@example.com"), (kinds[0], "sms", "+3725551234")]
    if not in_one:
        wanted += [(kinds[1], "email", "juhan@example.com"), (kinds[1], "sms", "+3725559876")]
    assert told == sorted(wanted)


def _happens(event: str, package: Package, by: Actor, now: datetime, location: Location) -> tuple[str, str]:
    """Which kinds recipient and delegate are told of it."""
    arguments: dict[str, Any] = {"package_id": package.pk, "by": by, "now": now}
    match event:
        case "release":
            operations.put_on_hold(**arguments)
            operations.release_hold(**arguments)
            Notification.objects.filter(kind="held").delete()
            return "released", "delegated"
        case "extend":
            Package.objects.update(expires_at=now - HOUR)
            operations.expire_due(now=now)
            Notification.objects.filter(kind__in=["expired", "delegate_ended"]).delete()
            operations.extend(**arguments, hours=24)
            return "extended", "delegated"
        case "door_failed":
            screen = caller(make_kiosk(location))
            operations.pick_up(by=screen.actor, now=now, typed=TypedCode(code=delegate_code_of(package)))
            operations.record_door_failure(package_id=package.pk, by=screen.actor, now=now)
            Notification.objects.filter(kind="retrieved").delete()
            return "door_failed", "delegated"
        case "expire":
            Package.objects.update(expires_at=now - HOUR)
            operations.expire_due(now=now)
            return "expired", "delegate_ended"
        case "pick_up":
            operations.pick_up(
                by=caller(make_kiosk(location)).actor, now=now, typed=TypedCode(code=code_of(package))
            )
            return "retrieved", "delegate_ended"
    operations.cancel(**arguments)
    return "cancelled", "delegate_ended"


def test_a_new_code_of_their_own_comes_to_who_is_both(package: Package, by: Actor, now: datetime) -> None:
    name(package, by, now, **MARI)
    sent()
    operations.resend_delegate_code(package_id=package.pk, by=by, now=now)
    assert [kind for kind, *_ in sent()] == ["delegated", "delegated"]
    operations.resend_code(package_id=package.pk, by=by, now=now)
    assert [kind for kind, *_ in sent()] == ["code_renewed", "code_renewed"]


@pytest.mark.parametrize("kind", ["stored", "retrieved", "delegated"])
def test_the_same_event_a_second_time_adds_nothing(package: Package, kind: str) -> None:
    for _ in range(2):
        outbox.enqueue(
            kind=kind,
            channels=["email", "sms"],
            subject=f"package:{package.pk}",
            dedup_prefix="event:1",
            context={"delegate": "x"},
        )
    assert Notification.objects.count() == 2


# --- The end of a delegate's code ------------------------------------------------------------------------


def expire(now: datetime) -> None:
    Package.objects.update(expires_at=now - HOUR)
    operations.expire_due(now=now)


def test_a_delegate_who_got_no_code_hears_of_no_end(package: Package, now: datetime) -> None:
    make_delegate(package, **JUHAN)
    expire(now)
    assert [kind for kind, *_ in sent()] == ["expired", "expired"]
    assert ends()["delegate_ended", "sms"] == ("suppressed", "the delegate was never sent a code")


def test_a_code_that_waits_still_is_not_sent_and_neither_is_its_end(
    package: Package, by: Actor, now: datetime
) -> None:
    make_told(package)
    name(package, by, now, **JUHAN)
    operations.cancel(package_id=package.pk, by=by, now=now)
    assert [kind for kind, *_ in sent()] == ["cancelled", "cancelled"]
    assert ends()["delegate_ended", "email"] == ("suppressed", "the delegate was never sent a code")


TO_JUHAN = [("delegate_ended", "email", "juhan@example.com"), ("delegate_ended", "sms", "+3725559876")]


@pytest.mark.parametrize("expired", [False, True])
def test_who_may_collect_no_more_hears_so_once(
    package: Package, by: Actor, now: datetime, expired: bool
) -> None:
    name(package, by, now, **JUHAN)
    sent()
    if expired:
        expire(now)
        assert [one for one in sent() if one[0] == "delegate_ended"] == TO_JUHAN
    operations.remove_delegate(package_id=package.pk, by=by, now=now)
    assert sent() == ([] if expired else TO_JUHAN)
    if not expired:
        assert "You no longer need to pick up the parcel from" in mail.outbox[0].body


def test_two_ends_that_wait_are_one(package: Package, by: Actor, now: datetime) -> None:
    name(package, by, now, **JUHAN)
    sent()
    expire(now)
    operations.extend(package_id=package.pk, by=by, now=now, hours=24)
    operations.remove_delegate(package_id=package.pk, by=by, now=now)
    assert [one for one in sent() if one[0].startswith("delegate")] == TO_JUHAN


def test_of_two_ends_in_two_hands_one_arrives(package: Package, by: Actor, now: datetime) -> None:
    """The first looks again before it goes, and finds the second; so the second may not lean on the first."""
    name(package, by, now, **JUHAN)
    sent()
    expire(now)
    operations.extend(package_id=package.pk, by=by, now=now, hours=24)
    Notification.objects.filter(kind="delegated", status="pending").delete()
    operations.remove_delegate(package_id=package.pk, by=by, now=now)
    ended = Notification.objects.filter(kind="delegate_ended", channel="email").order_by("id")
    hand = {"status": "sending", "lease_token": uuid4(), "leased_until": now + timedelta(minutes=1)}
    ended.update(**hand)
    decided = [next(iter(compose([row]).values())) for row in ended]
    assert decided[0] == Suppressed("there is a later message about it")
    assert isinstance(decided[1], Message)


def test_who_is_removed_before_the_code_was_sent_hears_nothing(
    package: Package, by: Actor, now: datetime
) -> None:
    name(package, by, now, **JUHAN)
    operations.remove_delegate(package_id=package.pk, by=by, now=now)
    assert sent() == []


def test_somebody_else_takes_their_place(package: Package, by: Actor, now: datetime) -> None:
    name(package, by, now, **JUHAN)
    sent()
    name(package, by, now, name="Liis", email="liis@example.com")
    told = [one for one in sent() if one[0] != "delegate_named"]
    assert told == sorted([*TO_JUHAN, ("delegated", "email", "liis@example.com")])


def test_who_is_named_anew_hears_of_no_end(package: Package, by: Actor, now: datetime) -> None:
    name(package, by, now, **JUHAN)
    sent()
    name(package, by, now, **{**JUHAN, "name": "Juhan Tamm", "phone": ""})
    told = [one for one in sent() if one[0] != "delegate_named"]
    assert told == [TO_JUHAN[1], ("delegated", "email", "juhan@example.com")], "nothing comes to that phone"


def test_the_recipient_who_was_their_own_delegate_hears_of_no_end(
    package: Package, by: Actor, now: datetime
) -> None:
    name(package, by, now, **MARI)
    sent()
    operations.remove_delegate(package_id=package.pk, by=by, now=now)
    assert sent() == []


def test_who_has_collected_hears_of_no_end(
    package: Package, by: Actor, now: datetime, location: Location
) -> None:
    name(package, by, now, **JUHAN)
    sent()
    expire(now)
    operations.extend(package_id=package.pk, by=by, now=now, hours=24)
    screen = caller(make_kiosk(location))
    operations.pick_up(by=screen.actor, now=now, typed=TypedCode(code=delegate_code_of(package)))
    assert [kind for kind, *_ in sent()] == ["retrieved", "retrieved"]


def test_a_door_that_stayed_shut_for_the_recipient_takes_the_end_back(
    package: Package, by: Actor, now: datetime, location: Location
) -> None:
    name(package, by, now, **JUHAN)
    sent()
    screen = caller(make_kiosk(location))
    operations.pick_up(by=screen.actor, now=now, typed=TypedCode(code=code_of(package)))
    assert TO_JUHAN[0] in sent()
    operations.record_door_failure(package_id=package.pk, by=screen.actor, now=now)
    assert ("delegated", "email", "juhan@example.com") in sent()
    operations.pick_up(by=screen.actor, now=now, typed=TypedCode(code=code_of(package)))
    assert TO_JUHAN[0] in sent()


def test_cancelled_after_it_had_expired_is_no_second_end(package: Package, by: Actor, now: datetime) -> None:
    name(package, by, now, **JUHAN)
    sent()
    expire(now)
    assert [kind for kind, *_ in sent()] == ["delegate_ended", "delegate_ended", "expired", "expired"]
    operations.cancel(package_id=package.pk, by=by, now=now)
    assert [kind for kind, *_ in sent()] == ["cancelled", "cancelled"]


def test_what_the_delegate_reads(package: Package, by: Actor, now: datetime) -> None:
    name(package, by, now, **JUHAN)
    sent()
    expire(now)
    sent()
    (letter,) = [one for one in mail.outbox if one.to == ["juhan@example.com"]]
    assert letter.subject == "No need to pick up the parcel at Place TLL-1"
    assert "Hello Juhan," in letter.body
    assert "You no longer need to pick up the parcel from" in letter.body
    assert "for Mari Maasikas. Your code has stopped working" in letter.body


def test_an_end_that_was_taken_back_by_the_clock_is_taken_back_to_the_delegate(
    package: Package, by: Actor, now: datetime, location: Location
) -> None:
    """It expired while the location was silent, which nobody had noticed yet."""
    name(package, by, now, **JUHAN)
    sent()
    expire(now)
    assert ("delegate_ended", "sms", "+3725559876") in sent()
    Package.objects.update(expires_at=now - HOUR / 60)
    places: dict[str, Any] = {"locations": Location.objects.all(), "location_id": location.pk, "by": SYSTEM}
    operations.suspend_location(**places, now=now - HOUR, reason="flood")
    sent()
    operations.resume_location(**places, now=now)
    assert Package.objects.get().status == Status.STORED
    told = sent()
    assert ("delegated", "sms", "+3725559876") in told
    assert ("location_resumed", "sms", "+3725551234") in told
    operations.suspend_location(**places, now=now, reason="flood")
    operations.resume_location(**places, now=now + HOUR)
    assert "delegated" not in [kind for kind, *_ in sent()], "the code is their last word now"


# --- Who has collected -----------------------------------------------------------------------------------


@pytest.mark.parametrize("as_delegate", [True, False])
def test_the_receipt_says_who_has_collected(
    package: Package, by: Actor, now: datetime, location: Location, as_delegate: bool
) -> None:
    name(package, by, now, **JUHAN)
    sent()
    code = delegate_code_of(package) if as_delegate else code_of(package)
    operations.pick_up(by=caller(make_kiosk(location)).actor, now=now, typed=TypedCode(code=code))
    sent()
    assert mail.outbox[0].subject == "Your parcel has been picked up"
    assert ("Juhan picked up your parcel" in mail.outbox[0].body) == as_delegate
    assert ("Juhan picked up your parcel" in locmem.outbox[0].text) == as_delegate


# --- A location that goes down and up --------------------------------------------------------------------


def resumed(package: Package, cause: str) -> None:
    outbox.enqueue(
        kind="location_resumed",
        channels=["email", "sms"],
        subject=f"package:{package.pk}",
        dedup_prefix=f"event:{cause}",
    )


def test_a_return_is_told_once_a_day(package: Package) -> None:
    resumed(package, "1")
    assert len(sent()) == 2
    resumed(package, "2")
    assert sent() == []
    reasons = Notification.objects.filter(status="suppressed").values_list("reason", flat=True)
    assert set(reasons) == {"they were told within the day"}
    Notification.objects.filter(status="sent").update(sent_at=timezone.now() - 25 * HOUR)
    resumed(package, "3")
    assert len(sent()) == 2


def test_of_several_returns_that_wait_the_last_is_told(package: Package) -> None:
    for cause in "123":
        resumed(package, cause)
    assert [kind for kind, *_ in sent()] == ["location_resumed", "location_resumed"]
    told = Notification.objects.filter(status="sent").values_list("dedup_key", flat=True)
    assert set(told) == {"event:3:email", "event:3:sms"}
    reasons = set(Notification.objects.filter(status="suppressed").values_list("reason", flat=True))
    assert reasons == {"there is a later message about it"}


def test_another_package_is_told_of_its_own(package: Package, courier: Courier, location: Location) -> None:
    other = make_package(
        courier, door(location, "S2"), recipient=make_recipient(email="juri@example.com", phone="")
    )
    for one in (package, other):
        resumed(one, str(one.pk))
    assert [to for *_, to in sent()] == ["juri@example.com", "mari@example.com", "+3725551234"]


def test_who_was_told_that_it_is_out_of_use_is_told_that_it_is_back(
    package: Package, now: datetime, location: Location
) -> None:
    places: dict[str, Any] = {"locations": Location.objects.all(), "location_id": location.pk, "by": SYSTEM}
    for minute in range(2):
        at = now + timedelta(minutes=minute)
        operations.suspend_location(**places, now=at, reason="flood")
        assert [kind for kind, *_ in sent()] == ["location_suspended"] * 2
        operations.resume_location(**places, now=at + timedelta(seconds=30))
        assert [kind for kind, *_ in sent()] == ["location_resumed"] * 2


def test_who_was_told_that_their_time_is_over_is_told_that_it_is_not(
    package: Package, now: datetime, location: Location
) -> None:
    kiosk = make_kiosk(location)
    resumed(package, "1")
    assert len(sent()) == 2
    # The last sign of life, then the end of the hold, then the silence is noticed.
    Kiosk.objects.filter(pk=kiosk.pk).update(last_seen_at=now + 47.9 * HOUR)
    Notification.objects.update(sent_at=now - HOUR)
    assert operations.expire_due(now=now + 48.1 * HOUR) == 1
    assert [kind for kind, *_ in sent()] == ["expired", "expired"]
    assert operations.notice_silence_due(now=now + 49 * HOUR) == 1
    operations.record_heartbeat(by=caller(kiosk).actor, now=now + 50 * HOUR, software_version="1")
    assert Package.objects.get().status == Status.STORED
    assert [kind for kind, *_ in sent() if kind.startswith("location_resumed")] == ["location_resumed"] * 2


def test_a_return_that_failed_is_not_taken_for_told(package: Package) -> None:
    resumed(package, "1")
    Notification.objects.update(status="dead", reason="no such address")
    resumed(package, "2")
    assert len(sent()) == 2
    Notification.objects.filter(status="sent").update(
        status="bounced", reason="no such address", receipt_at=timezone.now()
    )
    resumed(package, "3")
    assert len(sent()) == 2
    Notification.objects.filter(status="sent").update(status="delivered", receipt_at=timezone.now())
    resumed(package, "4")
    assert sent() == []


def test_choices_hold_for_who_is_both(package: Package, by: Actor, now: datetime) -> None:
    preferences.choose_channel(Recipient(**MARI), "sms")
    name(package, by, now, **MARI)
    assert sent() == [("delegated", "sms", "+3725551234")]


# --- Managers and staff with one mailbox -----------------------------------------------------------------


@pytest.fixture
def one_mailbox(location: Location) -> list[User]:
    """Three users of one person, who write their address in three ways; and somebody else."""
    emails = ["Kaja@Example.com", "kaja@example.com", "KAJA@EXAMPLE.COM", "jan@example.com"]
    return [UserFactory.create(email=email, manages=[location]) for email in emails]


def mailed() -> list[str]:
    return sorted(to.lower() for _, _, to in sent())


def test_one_mailbox_hears_of_a_door_once(location: Location, one_mailbox: list[User]) -> None:
    event = door(location, "S1").take_out_of_service(by="staff:ann", reason="hinge", now=timezone.now())
    tell_of_door(event, location.pk)
    assert mailed() == ["jan@example.com", "kaja@example.com"]


def test_one_mailbox_hears_of_a_location_once_however_often_it_is_told(
    location: Location, one_mailbox: list[User]
) -> None:
    downtime = Downtime.objects.create(location=location, cause="silent", began_at=timezone.now(), reason="x")
    for _ in range(2):
        tell_of_downtime(downtime, "location_silent")
    assert mailed() == ["jan@example.com", "kaja@example.com"]


MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)


def week(*locations: Location) -> None:
    """Figures of the week before."""
    for place in locations:
        WeekAtLocation.objects.create(
            location=place, week="2026-11-09", deposits=1, pickups=0, expired=0, returned=0, faults=0,
            downtimes=0, down_for=timedelta(0), dead_messages=0,
        )  # fmt: skip


def test_who_is_manager_and_staff_gets_one_report_of_everything(location: Location) -> None:
    other = make_location("OTHER")
    kaja = UserFactory.create(email="kaja@example.com", is_staff=True, manages=[location])
    ReportSubscription.objects.create(user=kaja)
    UserFactory.create(email="KAJA@example.com", manages=[other])
    week(location, other)
    assert [operations.send_reports_due(now=MONDAY) for _ in range(2)] == [1, 0]
    assert mailed() == ["kaja@example.com"]
    assert "Place TLL-1" in mail.outbox[0].body
    assert "Place OTHER" in mail.outbox[0].body


def test_who_manages_two_places_under_two_names_gets_one_report_of_both(location: Location) -> None:
    other, foreign = make_location("OTHER"), make_location("FOREIGN")
    UserFactory.create(email="kaja@example.com", manages=[location])
    UserFactory.create(email="Kaja@example.com", manages=[other])
    week(location, other, foreign)
    assert operations.send_reports_due(now=MONDAY) == 1
    assert mailed() == ["kaja@example.com"]
    assert "Place TLL-1" in mail.outbox[0].body
    assert "Place OTHER" in mail.outbox[0].body
    assert "FOREIGN" not in mail.outbox[0].body
