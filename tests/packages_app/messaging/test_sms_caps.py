"""Staff hear of couriers whose SMS cost as much as they may, and send again what that has held back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from lockers.models import Location
from notifications import outbox
from notifications.delivery import sms_limits
from notifications.delivery.people import deliver_due
from notifications.models import Notification, Tally
from notifications.sms import locmem
from packages_app import operations, tasks
from packages_app.core.actor import SYSTEM
from packages_app.life.lifecycle import Status
from packages_app.models import Courier, Package
from tests.factories import UserFactory
from tests.world import door, make_courier, make_delegate, make_location, make_package, make_recipient

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def prices(settings: Settings) -> None:
    settings.SMS_PRICES = {"default": Decimal("1")}
    settings.SMS_DAILY_CAP = 10
    settings.SMS_COUNTRIES = frozenset()


@pytest.fixture
def location() -> Location:
    return make_location(small=6)


@pytest.fixture
def anna() -> User:
    """She may change couriers."""
    user: User = UserFactory.create(email="anna@example.com", first_name="Anna", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="change_courier"))
    return user


def spend(used: str, refused: int = 0, day: str = "2026-11-20", courier: str = "dpd") -> None:
    Tally.objects.update_or_create(
        pk=f"payer:{day}:courier:{courier}", defaults={"used": used, "refused": refused, "day": day}
    )


def look(now: datetime = NOON) -> list[str]:
    """The subjects that the job leads to."""
    mail.outbox.clear()
    operations.notice_sms_caps_due(now=now)
    deliver_due()
    return [str(one.subject) for one in mail.outbox]


# --- Word to staff --------------------------------------------------------------------------------------


def test_near_the_cap_and_at_it_each_once_in_a_day(courier: Courier, anna: User) -> None:
    spend("7.99")
    assert look() == []
    spend("8")
    assert [look(), look()] == [["DPD: daily SMS cap almost reached"], []]
    spend("10", refused=7)
    assert [look(), look()] == [["DPD: daily SMS cap reached"], []]
    spend("10", refused=8, day="2026-11-21")
    tomorrow = NOON + timedelta(days=1)
    assert [look(tomorrow), look(tomorrow)] == [["DPD: daily SMS cap reached"], []]


def test_what_it_says(courier: Courier, anna: User) -> None:
    spend("9.5", refused=3)
    look()
    (letter,) = mail.outbox
    assert letter.to == ["anna@example.com"]
    assert "Hello Anna," in letter.body
    assert "packages from DPD have cost 9.50 in one day. The daily cap is 10.00. Not sent: 3," in letter.body
    assert "Raise the cap for dpd" in letter.body


def test_each_courier_by_its_own_cap(courier: Courier, anna: User) -> None:
    own, none, twin = make_courier("gls"), make_courier("omniva"), make_courier("dpd-2")
    Courier.objects.filter(pk=own.pk).update(sms_daily_cap=100)
    Courier.objects.filter(pk=none.pk).update(sms_daily_cap=0)
    for code, refused in (("gls", 0), ("omniva", 9), ("dpd-2", 0), ("nobody", 5)):
        spend("9", refused, courier=code)
    assert look() == [f"{twin.name}: daily SMS cap almost reached"]


def test_what_was_refused_before_midnight_is_told_after_it(courier: Courier, anna: User) -> None:
    spend("10", refused=1)
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    assert look(midnight + timedelta(hours=1)) == []
    assert look(midnight + timedelta(minutes=5)) == ["DPD: daily SMS cap reached"]


def test_only_staff_who_may_raise_it_are_told_and_one_mailbox_once(courier: Courier, anna: User) -> None:
    UserFactory.create(email="boss@example.com", is_staff=True, is_superuser=True)
    UserFactory.create(email="ANNA@example.com", is_staff=True, is_superuser=True)
    UserFactory.create(email="reader@example.com", is_staff=True)
    UserFactory.create(email="gone@example.com", is_staff=True, is_superuser=True, is_active=False)
    UserFactory.create(email="", is_staff=True, is_superuser=True)
    UserFactory.create(email="manager@example.com", is_superuser=True)
    spend("10", refused=1)
    assert len(look()) == 2
    assert sorted(one.to[0].lower() for one in mail.outbox) == ["anna@example.com", "boss@example.com"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("cap", "the cap was changed"),
        ("reached", "the cap is reached by now"),
        ("staff", "the reader or the courier is gone"),
    ],
)
def test_what_is_not_so_any_more_is_not_told(courier: Courier, anna: User, change: str, reason: str) -> None:
    spend("8.5")
    operations.notice_sms_caps_due(now=NOON)
    match change:
        case "cap":
            Courier.objects.update(sms_daily_cap=100)
        case "reached":
            spend("10", refused=1)
        case "staff":
            User.objects.update(is_staff=False)
    mail.outbox.clear()
    deliver_due()
    assert mail.outbox == []
    assert Notification.objects.get().reason == reason


def test_the_job(courier: Courier, anna: User) -> None:
    spend("10", refused=1, day=f"{timezone.now().astimezone(UTC):%Y-%m-%d}")
    assert [tasks.notice_sms_caps(), tasks.notice_sms_caps()] == [1, 0]


# --- Sending again --------------------------------------------------------------------------------------


@pytest.fixture
def package(courier: Courier, location: Location) -> Package:
    expires_at = timezone.now() + timedelta(days=2)
    return make_package(courier, door(location, "S1"), expires_at=expires_at, recipient=by_sms())


def by_sms(**fields: Any) -> Any:
    return make_recipient(**({"email": ""} | fields))


def say(package: Package, kind: str, *, cap: int = 0, **context: str) -> Notification:
    """An SMS of it, with this cap at that moment."""
    Courier.objects.update(sms_daily_cap=cap)
    number = Notification.objects.count()
    outbox.enqueue(
        kind=kind,
        channels=["sms"],
        subject=f"package:{package.pk}",
        dedup_prefix=f"event:{number}",
        context=context,
    )
    deliver_due()
    return Notification.objects.latest("pk")


def again(package: Package, cap: int = 100) -> list[str]:
    """The kinds that are sent after the cap was raised."""
    Courier.objects.update(sms_daily_cap=cap)
    locmem.outbox.clear()
    before = set(Notification.objects.filter(status="sent").values_list("pk", flat=True))
    operations.resend_sms(by=SYSTEM, courier_id=package.courier_id, now=timezone.now())
    deliver_due()
    by_sms = Notification.objects.filter(status="sent", channel="sms")
    sent = by_sms.exclude(pk__in=before).order_by("pk")
    assert len(sent) == len(locmem.outbox)
    return [row.kind for row in sent]


def test_a_code_that_was_held_back_arrives_when_the_cap_is_raised(package: Package) -> None:
    row = say(package, "stored")
    assert (row.status, row.reason) == ("suppressed", sms_limits.CAP_REACHED)
    assert again(package) == ["stored"]
    assert again(package) == [], "nobody is told twice"


def test_of_several_with_a_code_the_last_one_and_what_came_after_it(package: Package) -> None:
    for kind in ("stored", "reminder", "location_suspended", "location_resumed"):
        say(package, kind)
        if kind == "location_suspended":
            Notification.objects.filter(kind=kind).update(status="suppressed", reason=sms_limits.CAP_REACHED)
    assert again(package) == ["reminder", "location_resumed"]


@pytest.mark.parametrize(("later", "wanted"), [("code_renewed", []), ("delegate_named", ["stored"])])
def test_what_was_said_since_by_another_message(package: Package, later: str, wanted: list[str]) -> None:
    make_delegate(package)
    say(package, "stored")
    assert say(package, later, cap=100).status == "sent"
    assert again(package) == wanted


@pytest.mark.parametrize(("outcome", "wanted"), [("sent", []), ("delivered", []), ("bounced", ["stored"])])
def test_what_an_email_has_brought_instead(package: Package, outcome: str, wanted: list[str]) -> None:
    recipient = package.recipient
    type(recipient).objects.filter(pk=recipient.pk).update(email="mari@example.com")
    row = say(package, "stored")
    assert row.channel == "email"
    assert row.context["instead_of"] == Notification.objects.get(channel="sms").pk
    Courier.objects.update(sms_daily_cap=100)
    deliver_due()
    ended = {} if outcome == "sent" else {"receipt_at": timezone.now()}
    Notification.objects.filter(pk=row.pk, status="sent").update(status=outcome, reason="x", **ended)
    assert again(package) == wanted


def test_recipient_and_delegate_each_get_their_own(package: Package) -> None:
    delegate = make_delegate(package)
    say(package, "stored")
    say(package, "delegated", delegate=str(delegate.pk))
    assert sorted(again(package)) == ["delegated", "stored"]
    assert {one.to for one in locmem.outbox} == {package.recipient.phone, delegate.phone}


def test_what_has_lost_its_reason_is_not_sent(package: Package, courier: Courier, location: Location) -> None:
    say(package, "stored")
    Package.objects.filter(pk=package.pk).update(status=Status.EXPIRED)
    gone = make_package(courier, door(location, "S2"), Status.RETRIEVED, recipient=by_sms())
    say(gone, "retrieved")
    assert again(package) == []
    assert Notification.objects.get(kind="stored").reason == "the package is EXPIRED"
    assert Notification.objects.get(kind="retrieved").reason == sms_limits.CAP_REACHED, "it is in no door"


def test_another_reason_and_another_courier_are_left_alone(package: Package, location: Location) -> None:
    other = make_package(make_courier("gls"), door(location, "S2"), recipient=by_sms(phone="+3725550001"))
    foreign = say(other, "stored")
    row = say(package, "stored")
    Notification.objects.filter(pk=row.pk).update(reason="the daily limit of SMS to this number is reached")
    assert again(package) == []
    foreign.refresh_from_db()
    assert foreign.reason == sms_limits.CAP_REACHED


def test_past_the_new_cap_the_rest_is_held_back_again(courier: Courier, location: Location) -> None:
    packages = [
        make_package(
            courier,
            door(location, f"S{n}"),
            expires_at=timezone.now() + timedelta(days=2),
            recipient=by_sms(phone=f"+372555000{n}"),
        )
        for n in range(1, 6)
    ]
    for package in packages:
        say(package, "stored")
    assert len(again(packages[0], cap=2)) == 2
    assert Notification.objects.filter(reason=sms_limits.CAP_REACHED).count() == 3
    assert operations.resend_sms(by=SYSTEM, courier_id=courier.pk, now=timezone.now(), batch=2) == 3


def press(user: User, courier: Courier) -> str:
    client = Client()
    client.force_login(user)
    answer = client.post(
        reverse("admin:packages_app_courier_changelist"),
        {"action": "resend_sms", "_selected_action": [courier.pk]},
        follow=True,
    )
    return answer.content.decode()


def test_in_the_admin(package: Package, courier: Courier, location: Location) -> None:
    boss = UserFactory.create(is_staff=True, is_superuser=True)
    say(package, "stored")
    other = make_package(courier, door(location, "S2"), recipient=by_sms(phone="+3725550001"))
    say(other, "stored", cap=1)
    assert "DPD: nothing was sent: 1.00 of 1.00 is spent. Raise the cap first." in press(boss, courier)
    Courier.objects.update(sms_daily_cap="1.99")
    assert "DPD: nothing was sent: 1.00 of 1.99 is spent. Raise the cap first." in press(boss, courier)
    Courier.objects.update(sms_daily_cap=5)
    assert "DPD: 1 SMS are on their way again; 4.00 is left for today." in press(boss, courier)
    assert Notification.objects.get(subject=f"package:{package.pk}").status in ("pending", "sent")


def test_who_may_only_look_has_no_such_action(package: Package, courier: Courier) -> None:
    reader = UserFactory.create(is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_courier"))
    say(package, "stored")
    Courier.objects.update(sms_daily_cap=5)
    assert "on their way again" not in press(reader, courier)
    assert Notification.objects.get().status == "suppressed"
