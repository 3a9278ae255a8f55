"""A server that was frozen carries out later what it had been sent: nothing may come of it by then."""

from __future__ import annotations

import importlib
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from common.sql import fetch
from lockerportal.database.base import time_limit
from lockers.models import Compartment, Kiosk, Location, Size
from packages_app import operations
from packages_app.core.actor import Caller
from packages_app.keys.checking import verify
from packages_app.models import Courier, Package, Recipient
from packages_app.operations.packages.pick_up import TypedCode
from packages_app.payloads.results import Assigned, Opened
from tests.races.together import assert_sound, bring
from tests.world import code_of, make_key, make_kiosk

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

FROZEN_SECONDS = 2.6  # longer than a key's owner waits
GIVEN_UP_SECONDS = 0.4


def given_up_while_frozen(work: Callable[[], Any], module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Freeze the server when `work` sends its writing statement, until it has given up and longer."""
    room = importlib.import_module(module)
    real, pid = room.fetch, fetch("SELECT pg_backend_pid() AS pid", {})[0].pid
    if not can_be_frozen(pid):
        pytest.skip("the database is another machine's or another user's")

    def freeze(sql: str, params: dict[str, Any]) -> Any:
        if "INSERT" in sql:
            os.kill(pid, signal.SIGSTOP)
        return real(sql, params)

    try:
        with monkeypatch.context() as patch, time_limit(GIVEN_UP_SECONDS):
            patch.setattr(room, "fetch", freeze)
            with pytest.raises(OperationalError):
                work()
        time.sleep(FROZEN_SECONDS)
    finally:
        os.kill(pid, signal.SIGCONT)
    connection.close()
    while fetch("SELECT 1 AS one FROM pg_stat_activity WHERE pid = %(pid)s", {"pid": pid}):
        time.sleep(0.02)


def can_be_frozen(pid: int) -> bool:
    """Whether it is a process that we may stop."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def asking(**owner: Any) -> Caller:
    """Who calls with a key, at this moment."""
    found, why = verify(make_key(**owner)[1], now=timezone.now())
    assert found is not None, why
    return found


def press(kiosk: Kiosk, code: str) -> Opened:
    return operations.pick_up(by=asking(kiosk=kiosk).actor, now=timezone.now(), typed=TypedCode(code=code))


def drop_off(courier: Courier, location: Location, number: str) -> Assigned:
    return operations.assign(
        by=asking(courier=courier).actor,
        now=timezone.now(),
        location=location.code,
        tracking_number=number,
        size=Size.SMALL,
        recipient=Recipient(name="Mari", email="mari@example.com"),
    )


# Each is done once before: what the server has not prepared yet is not sent whole.


def test_a_pickup_that_was_given_up_opens_nothing(
    location: Location, courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk = make_kiosk(location)
    for number in ("T-0", "T-1"):  # twice: the first press finds out that there are no endpoints
        press(kiosk, code_of(bring(courier, location, number)))
    package = bring(courier, location, "T-2")
    code = code_of(package)
    given_up_while_frozen(lambda: press(kiosk, code), "packages_app.operations.packages.pick_up", monkeypatch)
    assert Package.objects.get(pk=package.pk).status == "STORED"
    assert Kiosk.objects.get().wrong_codes_in_row == 0
    assert_sound()
    assert press(kiosk, code).package_id == package.pk


def test_a_drop_off_that_was_given_up_takes_no_door(
    location: Location, courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_off(courier, location, "T-0")
    given_up_while_frozen(
        lambda: drop_off(courier, location, "T-1"), "packages_app.operations.packages.assign", monkeypatch
    )
    assert Package.objects.get().tracking_number == "T-0"
    assert Compartment.objects.exclude(occupancy="empty").count() == 1
    assert_sound()
    drop_off(courier, location, "T-1")
