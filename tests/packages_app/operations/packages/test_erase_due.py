"""Who a package was for is forgotten, everywhere, when it has long been over; and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from common.clock import database_now
from lockers.models import Location, Size
from notifications.models import Notification
from packages_app import operations, tasks
from packages_app.core.actor import SYSTEM, Actor, Caller
from packages_app.invariants import INVARIANTS, audit
from packages_app.life.lifecycle import Status
from packages_app.messaging.recipients import compose
from packages_app.models import Bookmark, Courier, Package, Recipient
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.rules import erasure
from tests.world import code_of, door, make_package, make_recipient

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
CANARIES = ("Xanthippe Quoll", "quoll@canary.example", "+3725559271")
NAME, EMAIL, PHONE = CANARIES


def bring(by: Actor, location: Location, number: str) -> Package:
    assigned = operations.assign(
        by=by,
        now=database_now(),
        location=location.code,
        tracking_number=number,
        size=Size.SMALL,
        recipient=Recipient(name=NAME, email=EMAIL, phone=PHONE),
    )
    return Package.objects.get(pk=assigned.package.pk)


def collect(screen: Caller, package: Package) -> None:
    operations.pick_up(by=screen.actor, now=database_now(), typed=TypedCode(code=code_of(package)))


def later(days: float = 31) -> Any:
    return database_now() + days * DAY


def found_in_the_database(text: str) -> list[str]:
    """Every table and column that holds `text`, whatever its type."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        )
        columns = cursor.fetchall()
        found = []
        for table, column in columns:
            cursor.execute(f'SELECT 1 FROM "{table}" WHERE "{column}"::text ILIKE %s LIMIT 1', [f"%{text}%"])
            if cursor.fetchone():
                found.append(f"{table}.{column}")
    return found


def test_nothing_is_left_anywhere(location: Location, courier: Courier, by: Actor, screen: Caller) -> None:
    package = bring(by, location, "T-1")
    collect(screen, package)
    told = Notification.objects.about(f"package:{package.pk}")
    told.filter(channel="email").update(status="dead", reason=f"550: {NAME} does not live here")
    told.filter(channel="sms").update(provider_id=PHONE, reason=f"429: later, {NAME}")
    told.filter(channel="sms", kind="stored").update(
        status="bounced", sent_at=later(0), receipt_at=later(0), reason=f"failed: {NAME} is unknown"
    )
    recipient = Recipient.objects.get()
    LogEntry.objects.create(
        user=User.objects.create_superuser("anna"),
        content_type_id=_content_type(Recipient),
        object_id=str(recipient.pk),
        object_repr=NAME,
        action_flag=CHANGE,
    )
    assert all(found_in_the_database(text) for text in CANARIES)

    assert operations.erase_due(now=later(29)) == 0
    assert all(found_in_the_database(text) for text in CANARIES)
    assert operations.erase_due(now=later()) == 1
    assert [found_in_the_database(text) for text in CANARIES] == [[], [], []]
    assert operations.erase_due(now=later(60)) == 0

    recipient.refresh_from_db()
    assert str(recipient) == "erased"
    assert recipient.erased_at is not None
    assert LogEntry.objects.get().object_repr == "erased"
    assert told.get(status="bounced").reason == "erased"
    assert set(told.filter(status="dead").values_list("reason", flat=True)) == {"erased"}
    assert [finding.rows for finding in map(audit.check, INVARIANTS) if finding.violations] == []


def _content_type(model: Any) -> int:
    pk: int = ContentType.objects.get_for_model(model).pk
    return pk


def test_only_what_is_over_and_out_of_its_door(
    location: Location, courier: Courier, by: Actor, screen: Caller
) -> None:
    over: dict[str, Callable[[Package], object]] = {
        "collected": lambda package: collect(screen, package),
        "returned": lambda package: operations.return_to_courier(
            package_id=operations.cancel(package_id=package.pk, by=by, now=database_now()).pk,
            by=by,
            now=database_now(),
        ),
    }
    packages = {}
    for name, finish in over.items():
        packages[name] = bring(by, location, name)
        finish(packages[name])
    waits = bring(by, location, "waits")
    called_off = bring(by, location, "called off, still in its door")
    operations.cancel(package_id=called_off.pk, by=by, now=database_now())
    assert operations.erase_due(now=later()) == 2
    for package in packages.values():
        assert Package.objects.get(pk=package.pk).recipient.erased_at is not None
    for package in (waits, called_off):
        assert Package.objects.get(pk=package.pk).recipient.email == EMAIL
    # Taken out later, it is forgotten later: its own last line of history says when.
    operations.return_to_courier(package_id=called_off.pk, by=by, now=database_now())
    assert operations.erase_due(now=later()) == 1


def test_an_end_that_was_taken_back_is_none(location: Location, by: Actor, screen: Caller) -> None:
    package = bring(by, location, "T-1")
    collect(screen, package)
    operations.record_door_failure(package_id=package.pk, by=screen.actor, now=database_now())
    assert operations.erase_due(now=later()) == 0
    assert Recipient.objects.get().name == NAME


def test_in_batches_each_whole(
    location: Location, by: Actor, screen: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = [bring(by, location, f"T-{number}") for number in range(3)]
    for package in packages:
        collect(screen, package)
    calls = []

    def forget_elsewhere(*_: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(erasure, "erase_elsewhere", forget_elsewhere)
        with pytest.raises(KeyboardInterrupt):
            operations.erase_due(now=later(), batch=4)
    done = Recipient.objects.filter(erased_at__isnull=False).count()
    assert 0 <= done < 3
    assert operations.erase_due(now=later(), batch=4) == 3 - done
    assert not Recipient.objects.exclude(name="").exists()


def test_the_bookmark_moves_over_what_is_old_only(location: Location, by: Actor, screen: Caller) -> None:
    package = bring(by, location, "T-1")
    collect(screen, package)
    assert tasks.erase() == 0
    assert Bookmark.objects.get().position == 0
    last = package.events.order_by("id").last()
    assert last is not None
    operations.erase_due(now=later())
    assert Bookmark.objects.get().position == last.pk


def test_messages_about_an_erased_one_are_not_sent(location: Location, courier: Courier) -> None:
    package = make_package(courier, door(location, "S1"), Status.RETRIEVED)
    operations.erase_recipients(by=SYSTEM, package_ids=[package.pk], now=database_now())
    notification = Notification.objects.create(
        kind="retrieved", channel="email", subject=f"package:{package.pk}", dedup_key="x"
    )
    (answer,) = compose([notification]).values()
    assert getattr(answer, "reason", "") == "the recipient has no such address"


def test_half_an_erasure_is_refused() -> None:
    recipient = make_recipient()
    with pytest.raises(IntegrityError, match="recipient_erased_is_empty"), transaction.atomic():
        Recipient.objects.filter(pk=recipient.pk).update(erased_at=database_now(), name="")


class TestOnRequest:
    def run(self, *args: str) -> str:
        out = StringIO()
        call_command("erase_recipient", *args, stdout=out)
        return out.getvalue()

    @pytest.mark.parametrize("who", [("--email", "MARI@example.com"), ("--phone", "+3725551234")])
    def test_counts_first(self, location: Location, courier: Courier, who: tuple[str, str]) -> None:
        over = make_package(courier, door(location, "S1"), Status.RETRIEVED)
        waits = make_package(courier, door(location, "S1"))
        other = make_package(
            courier,
            door(location, "S2"),
            Status.RETRIEVED,
            recipient=make_recipient(email="else@example.com", phone=""),
        )
        assert "Would be erased from 1 packages" in self.run(*who)
        assert not Recipient.objects.filter(erased_at__isnull=False).exists()
        said = self.run(*who, "--yes")
        assert "Erased from 1 packages" in said
        assert "1 packages are still in compartments" in said
        assert Recipient.objects.get(package=over).erased_at is not None
        assert Recipient.objects.get(package=waits).name == "Mari Maasikas"
        assert Recipient.objects.get(package=other).email == "else@example.com"
        assert "Erased from 0 packages" in self.run(*who, "--yes")

    def test_nobody_at_all_is_refused(self) -> None:
        with pytest.raises(CommandError, match="--email, --phone or both"):
            self.run("--yes")

    def test_in_the_admin(self, client: Client, location: Location, courier: Courier) -> None:
        over = make_package(courier, door(location, "S1"), Status.RETRIEVED)
        waits = make_package(courier, door(location, "S1"))
        client.force_login(User.objects.create_superuser("anna"))
        address = reverse("admin:packages_app_recipient_changelist")
        rows = [over.recipient_id, waits.recipient_id]
        answer = client.post(address, {"action": "erase", "_selected_action": rows}, follow=True)
        page = answer.content.decode()
        assert "1 recipients erased" in page
        assert "1 kept" in page
        assert (
            "erased"
            in client.get(reverse("admin:packages_app_package_change", args=[over.pk])).content.decode()
        )
        entry = LogEntry.objects.get()
        assert (entry.object_repr, entry.change_message) == ("erased", "Erased.")

    def test_who_may_only_look_may_not(self, client: Client, location: Location, courier: Courier) -> None:
        over = make_package(courier, door(location, "S1"), Status.RETRIEVED)
        user = User.objects.create_user("eve", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_recipient"))
        client.force_login(user)
        address = reverse("admin:packages_app_recipient_changelist")
        client.post(address, {"action": "erase", "_selected_action": [over.recipient_id]}, follow=True)
        assert Recipient.objects.get().erased_at is None
