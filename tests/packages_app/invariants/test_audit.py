"""The audit finds nothing in an honest history, and each thing that must never be, once it is there."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError, connection, transaction

from common.actor import Actor
from lockers import operations as service
from lockers.models import Compartment, Size
from notifications.models import Notification
from packages_app import operations
from packages_app.invariants import INVARIANTS, audit
from packages_app.models import Package
from packages_app.operations.packages.pick_up import TypedCode
from tests import world
from tests.packages_app.invariants import spoilt_messages, spoilt_packages
from tests.packages_app.invariants.lived import World, live
from tests.packages_app.invariants.spoiling import Spoil, sql
from tests.packages_app.invariants.spoilt_messages import lease_of_a_dead_worker, put_off
from tests.packages_app.invariants.spoilt_packages import door_given_away

SPOILT = [*spoilt_packages.SPOILT, *spoilt_messages.SPOILT]
BY_ID = {invariant.id: invariant for invariant in INVARIANTS}


@pytest.fixture
def lived(db: None) -> World:
    return live()


def test_an_honest_history_has_no_violations(lived: World) -> None:
    assert {status for (status,) in Package.objects.values_list("status")} == set(Package.Status)
    assert [audit.check(invariant).rows for invariant in INVARIANTS] == [[] for _ in INVARIANTS]


def test_a_package_may_be_back_in_a_door_that_is_out_of_service(lived: World) -> None:
    """The kiosk finds the door silent, and then that it stayed shut at the pickup."""
    bring = {"by": lived.by, "now": lived.now, "location": lived.place.code, "size": Size.SMALL}
    brought = operations.assign(**bring, tracking_number="BACK", recipient=world.make_recipient())
    kiosk, doors = world.caller(world.make_kiosk(lived.place, "left")), Compartment.objects.all()
    code = world.code_of(brought.package)
    opened = operations.pick_up(by=kiosk.actor, now=lived.now, typed=TypedCode(code=code))
    service.take_out_of_service(
        compartments=doors,
        compartment_id=opened.compartment_id,
        by=Actor("kiosk:left"),
        reason="does not answer",
        now=lived.now,
    )
    operations.record_door_failure(package_id=opened.package_id, by=kiosk.actor, now=lived.now)
    assert [finding.invariant.id for finding in map(audit.check, INVARIANTS) if finding.violations] == []


def test_every_invariant_has_been_seen_to_fail() -> None:
    assert {name for name, _ in SPOILT} == set(BY_ID)


@pytest.mark.parametrize(
    ("name", "spoil"), SPOILT, ids=[f"{name}-{spoil.__name__}" for name, spoil in SPOILT]
)
def test_what_must_never_be_is_found(lived: World, name: str, spoil: Spoil) -> None:
    spoil(lived)
    finding = audit.check(BY_ID[name])
    assert finding.violations >= 1
    assert len(finding.rows) == min(finding.violations, audit.NAMED)


def test_a_lease_on_a_paused_channel_may_wait(lived: World) -> None:
    lease_of_a_dead_worker(lived)
    channel = Notification.objects.get(status="sending").channel
    sql(
        "INSERT INTO notifications_channelstate (channel, provider, opened_at, next_probe_at, updated_at)"
        " VALUES (%s, 'first', now(), now(), now()), (%s, 'second', NULL, NULL, now())",
        channel,
        channel,
    )
    assert audit.check(BY_ID["I14"]).rows == []


def test_an_sms_may_wait_for_the_end_of_quiet_hours(lived: World) -> None:
    put_off(23.9)
    assert audit.check(BY_ID["I14"]).rows == []


def test_rows_are_bounded_and_counted(db: None) -> None:
    place = world.make_location(small=audit.NAMED + 5)
    Compartment.objects.filter(location=place, size=Size.SMALL).update(occupancy="occupied")
    finding = audit.check(BY_ID["I3-door"])
    assert (finding.violations, len(finding.rows)) == (audit.NAMED + 5, audit.NAMED)


@pytest.mark.django_db(transaction=True)
class TestCommand:
    """Over committed data, as it runs in life."""

    def test_says_that_all_is_well(self) -> None:
        live()
        out = StringIO()
        call_command("audit", stdout=out)
        assert f"All {len(INVARIANTS)} invariants hold." in out.getvalue()

    def test_names_the_rows_and_fails(self) -> None:
        lived = live()
        door_given_away(lived)
        out = StringIO()
        with pytest.raises(CommandError, match="I3-door") as raised:
            call_command("audit", stdout=out)
        assert raised.value.returncode == 1
        assert f"compartment_id={lived.expired.compartment_id}" in out.getvalue()
        assert f"package_id={lived.expired.pk}" in out.getvalue()

    def test_speaks_json(self) -> None:
        lived = live()
        door_given_away(lived)
        out = StringIO()
        with pytest.raises(CommandError):
            call_command("audit", "--json", stdout=out)
        said = json.loads(out.getvalue())
        found = {item["id"]: item["violations"] for item in said["invariants"]}
        assert set(found) == set(BY_ID)
        assert found["I3-door"] == 1
        assert said["violations"] == sum(found.values())

    def test_tells_no_code_and_no_address(self) -> None:
        lived = live()
        sql("UPDATE packages_app_package SET size = 3")
        sql("UPDATE lockers_compartment SET occupancy = 'empty'")
        out = StringIO()
        with pytest.raises(CommandError):
            call_command("audit", stdout=out)
        lived.stored.refresh_from_db()
        for secret in (world.code_of(lived.stored), bytes(lived.stored.code_mac).hex(), "mari@example.com"):
            assert secret not in out.getvalue()

    def test_cannot_write(self) -> None:
        place = world.make_location()
        with pytest.raises(InternalError, match="read-only"), audit.snapshot():
            Compartment.objects.filter(location=place).update(occupancy="occupied")

    def test_sees_one_moment(self) -> None:
        """What commits in the middle is not seen: or a busy system would show violations that never were."""
        place = world.make_location()
        with audit.snapshot():
            assert audit.check(BY_ID["I3-door"]).rows == []
            other = connection.copy()
            try:
                with other.cursor() as cursor:
                    cursor.execute("UPDATE lockers_compartment SET occupancy = 'occupied'")
            finally:
                other.close()
            assert audit.check(BY_ID["I3-door"]).rows == []
        with transaction.atomic():
            assert (
                audit.check(BY_ID["I3-door"]).violations == Compartment.objects.filter(location=place).count()
            )
