"""The sample network is complete, sound and repeatable, and is created in development only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import override_settings
from pytest_django.plugin import DjangoDbBlocker

from common.clock import database_now
from devtools.demo import credentials, network, stories
from devtools.demo.timeline import Timeline
from lockers.models import Compartment, Kiosk, Location, Membership
from notifications.models import Notification
from packages_app.core.actor import Caller
from packages_app.invariants import INVARIANTS, audit
from packages_app.keys.checking import verify
from packages_app.models import ApiKey, Courier, Package, PackageEvent

TABLES = (
    Location,
    Compartment,
    Kiosk,
    Membership,
    Courier,
    ApiKey,
    Package,
    PackageEvent,
    Notification,
    User,
)


DEVELOPMENT: dict[str, Any] = {
    "DEBUG": True,
    "NOTIFICATION_NUDGE": False,
    # A real password hash takes a third of a second.
    "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
}


@pytest.fixture(autouse=True)
def development() -> Iterator[None]:
    with override_settings(**DEVELOPMENT):
        yield


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "var" / "demo.json"


def seed(file: Path) -> str:
    out = StringIO()
    call_command("seed_demo", "--file", str(file), stdout=out)
    return out.getvalue()


def credentials_only(file: Path) -> dict[str, Any]:
    """Create locations and credentials without the packages, which take longer."""
    now = database_now()
    network.build(now=now)
    return credentials.ensure(file, now=now)[0]


def contents() -> dict[str, list[Any]]:
    """Return every row of the tables that the sample network fills."""
    changing = ("last_login", "last_used_at")
    return {
        model.__name__: [
            {name: value for name, value in row.items() if name not in changing}
            for row in model._default_manager.order_by("pk").values()
        ]
        for model in TABLES
    }


@pytest.fixture(scope="class")
def seeded(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """The sample network, committed once for a class of tests that only read it."""
    file = tmp_path_factory.mktemp("seed") / "demo.json"
    with django_db_blocker.unblock(), override_settings(**DEVELOPMENT):
        output = seed(file)
        try:
            yield {**json.loads(file.read_text()), "output": output, "mode": file.stat().st_mode & 0o777}
        finally:
            call_command("flush", "--noinput", verbosity=0)


@pytest.mark.slow
@pytest.mark.django_db
class TestNetwork:
    def test_sixty_compartments_are_twenty_of_each_size_and_empty(self, seeded: dict[str, Any]) -> None:
        location = Location.objects.get(code=seeded["sixty_door_location"])
        compartments = Compartment.objects.filter(location=location)
        assert [compartments.filter(size=size).count() for size in (1, 2, 3)] == [20, 20, 20]
        assert compartments.free().count() == 60
        assert not Package.objects.filter(location=location).exists()

    def test_locations_differ(self, seeded: dict[str, Any]) -> None:
        network = Location.objects.filter(sandbox=False)
        assert network.count() == 12
        assert len(set(network.values_list("time_zone", flat=True))) == 12
        assert set(Location.objects.values_list("strategy", flat=True)) == {"best_fit", "first_available"}
        assert Location.objects.filter(suspended_at__isnull=False).count() == 1
        for location in Location.objects.all():
            location.full_clean()

    def test_packages_in_every_status_everywhere_else(self, seeded: dict[str, Any]) -> None:
        for location in Location.objects.filter(sandbox=False).exclude(code=seeded["sixty_door_location"]):
            statuses = set(Package.objects.filter(location=location).values_list("status", flat=True))
            assert statuses == set(Package.Status), location

    def test_compartments_in_every_state(self, seeded: dict[str, Any]) -> None:
        assert {compartment.status for compartment in Compartment.objects.all()} == set(Compartment.Status)

    def test_the_audit_finds_nothing(self, seeded: dict[str, Any]) -> None:
        assert [invariant.id for invariant in INVARIANTS if audit.check(invariant).violations] == []

    def test_its_history_is_in_the_past(self, seeded: dict[str, Any]) -> None:
        now = database_now()
        for event in PackageEvent.objects.select_related("package"):
            assert event.package.created_at - timedelta(seconds=1) < event.at < now
        retrieved = PackageEvent.objects.filter(event="retrieved").select_related("package")
        for event in retrieved:
            assert event.package.retrieved_at is not None
            assert abs(event.at - event.package.retrieved_at) < timedelta(seconds=5)
            assert event.at - event.package.created_at > timedelta(hours=6)
        assert PackageEvent.objects.filter(at__lt=now - timedelta(days=4)).exists()

    def test_messages_were_sent_when_their_events_happened(self, seeded: dict[str, Any]) -> None:
        events = {event.pk: event.at for event in PackageEvent.objects.all()}
        rows = list(Notification.objects.all())
        assert {row.status for row in rows} <= {"sent", "suppressed"}
        event_rows = [row for row in rows if row.dedup_key.startswith("event:")]
        assert len(event_rows) > 100
        for row in event_rows:
            assert abs(row.created_at - events[int(row.dedup_key.split(":")[1])]) < timedelta(seconds=5)
            if row.sent_at:
                assert timedelta(0) < row.sent_at - row.created_at < timedelta(minutes=1)

    def test_history_is_append_only_afterwards(self, seeded: dict[str, Any]) -> None:
        for table in ("packages_app_packageevent", "lockers_compartmentevent"):
            with (
                pytest.raises(IntegrityError, match="append-only"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(f"UPDATE {table} SET by = 'another'")

    def test_the_file_has_the_names_that_scripts_read(self, seeded: dict[str, Any]) -> None:
        assert set(seeded) - {"output", "mode"} == {
            "staff",
            "manager",
            "courier_key",
            "courier_key_codes",
            "second_courier_key",
            "kiosk_keys",
            "sixty_door_location",
            "courier_test_key",
            "sandbox_location",
            "sandbox_kiosk_key",
        }
        network = Location.objects.filter(sandbox=False)
        assert set(seeded["kiosk_keys"]) == set(network.values_list("code", flat=True))

    def test_the_sandbox_is_ready_for_test_keys(self, seeded: dict[str, Any]) -> None:
        location = Location.objects.get(code=seeded["sandbox_location"])
        assert location.sandbox
        assert Compartment.objects.free().filter(location=location).count() == 24
        assert not Package.objects.filter(location__sandbox=True).exists()
        courier, _ = verify(seeded["courier_test_key"], now=database_now())
        kiosk, _ = verify(seeded["sandbox_kiosk_key"], now=database_now())
        assert courier is not None
        assert kiosk is not None
        assert (courier.actor.sandbox, courier.reads_codes) == (True, True)
        assert list(courier.locations()) == list(Location.objects.filter(sandbox=True).order_by("code"))
        assert kiosk.location_id == location.pk

    def test_the_file_is_private(self, seeded: dict[str, Any]) -> None:
        assert seeded["mode"] == 0o600

    def test_people_can_sign_in(self, seeded: dict[str, Any]) -> None:
        staff, manager = (authenticate(**seeded[name]) for name in ("staff", "manager"))
        assert isinstance(staff, User)
        assert isinstance(manager, User)
        assert staff.is_staff
        assert not manager.is_staff
        assert (staff.email, manager.email) == ("staff@portal.example", "manager@portal.example")
        assert 1 < Location.objects.for_user(manager).count() < 12
        assert Location.objects.for_user(manager).filter(code=seeded["sixty_door_location"]).exists()

    def test_keys_have_their_owners_and_rights(self, seeded: dict[str, Any]) -> None:
        def caller_of(text: str) -> Any:
            caller, reason = verify(text, now=database_now())
            assert caller is not None, reason
            return caller

        first, codes_too = caller_of(seeded["courier_key"]), caller_of(seeded["courier_key_codes"])
        assert first.actor.courier_id == codes_too.actor.courier_id
        assert caller_of(seeded["second_courier_key"]).actor.courier_id not in (None, first.actor.courier_id)
        assert (first.reads_codes, codes_too.reads_codes) == (False, True)
        for code, text in seeded["kiosk_keys"].items():
            assert caller_of(text).location_id == Location.objects.get(code=code).pk

    def test_no_secret_is_printed_outside_a_terminal(self, seeded: dict[str, Any]) -> None:
        for secret in (seeded["staff"]["password"], seeded["courier_key"], *seeded["kiosk_keys"].values()):
            assert secret not in seeded["output"]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_second_run_changes_nothing(file: Path) -> None:
    seed(file)
    before, written = contents(), file.stat().st_mtime_ns
    seed(file)
    assert contents() == before
    assert file.stat().st_mtime_ns == written


@pytest.mark.django_db
class TestCredentials:
    def test_working_credentials_are_kept(self, file: Path) -> None:
        first, written = credentials_only(file), file.stat().st_mtime_ns
        keys = ApiKey.objects.count()
        assert credentials_only(file) == first
        assert (ApiKey.objects.count(), file.stat().st_mtime_ns) == (keys, written)

    def test_a_lost_file_gets_new_credentials_and_revokes_the_old_ones(self, file: Path) -> None:
        lost = credentials_only(file)
        file.unlink()
        again = credentials_only(file)
        assert json.loads(file.read_text()) == again
        now = database_now()
        assert authenticate(**again["staff"]) is not None
        assert authenticate(**lost["staff"]) is None
        for name in ("courier_key", "courier_key_codes", "second_courier_key"):
            assert verify(again[name], now=now)[0] is not None
            assert verify(lost[name], now=now)[0] is None
        for code, text in again["kiosk_keys"].items():
            assert verify(text, now=now)[0] is not None
            assert verify(lost["kiosk_keys"][code], now=now)[0] is None

    def test_only_a_key_that_does_not_work_is_replaced(self, file: Path) -> None:
        first = credentials_only(file)
        ApiKey.objects.filter(key_id=first["courier_key"].split("_")[2]).update(revoked_at=database_now())
        again = credentials_only(file)
        assert again.pop("courier_key") != first.pop("courier_key")
        assert again == first

    def test_a_key_of_another_owner_is_replaced(self, file: Path) -> None:
        first = credentials_only(file)
        file.write_text(json.dumps({**first, "courier_key": first["second_courier_key"]}))
        again = credentials_only(file)
        assert again["courier_key"] not in (first["courier_key"], first["second_courier_key"])
        assert again["second_courier_key"] == first["second_courier_key"]

    @pytest.mark.parametrize("damage", ["{", "[]", '{"staff": 7, "kiosk_keys": "x", "courier_key": null}'])
    def test_a_damaged_file_is_replaced(self, file: Path, damage: str) -> None:
        file.parent.mkdir()
        file.write_text(damage)
        credentials_only(file)
        assert verify(json.loads(file.read_text())["courier_key"], now=database_now())[0] is not None
        assert file.stat().st_mode & 0o777 == 0o600

    def test_changes_by_staff_are_kept(self, file: Path) -> None:
        credentials_only(file)
        Location.objects.filter(code=network.SIXTY_DOORS).update(name="Renamed")
        Membership.objects.all().delete()
        credentials_only(file)
        assert Location.objects.get(code=network.SIXTY_DOORS).name == "Renamed"
        assert not Membership.objects.exists()


def test_callers_have_no_deadline(db: None, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Caller] = []

    def play(now: datetime, callers: dict[str, Caller]) -> int:
        seen.extend(callers.values())
        return 0

    monkeypatch.setattr(stories, "play", play)
    seed(file)
    assert seen
    assert {caller.actor.until for caller in seen} == {None}


def test_it_is_refused_outside_development(db: None, file: Path) -> None:
    with override_settings(DEBUG=False), pytest.raises(CommandError, match="DEBUG"):
        seed(file)
    assert not Location.objects.exists()
    assert not User.objects.exists()
    assert not file.exists()


def test_a_failed_move_leaves_history_append_only(transactional_db: None, file: Path) -> None:
    """The triggers return when the transaction that switched them off is rolled back."""
    timeline = Timeline()
    timeline.at(database_now() - timedelta(days=1), lambda at: None)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE notifications_notification RENAME COLUMN sent_at TO was_sent_at")
    try:
        with pytest.raises(Exception, match="sent_at"):
            timeline.run()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE notifications_notification RENAME COLUMN was_sent_at TO sent_at")
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tgenabled FROM pg_trigger WHERE tgname LIKE '%append_only'")
        assert cursor.fetchall() == [("O",)]
