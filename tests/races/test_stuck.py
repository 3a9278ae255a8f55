"""Somebody holds what a request needs, and does not let go: a clear answer in time, and nothing half done."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from lockers.models import Kiosk, Location
from packages_app.core.idempotency import Receipt
from packages_app.models import Courier, IdempotencyKey, Package
from packages_app.payloads.answer import Answer
from tests.races.together import assert_sound, bring, together
from tests.world import Api, code_of, courier_api, kiosk_api, make_kiosk, parcel

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


class Holder(threading.Thread):
    """Does something in a transaction and keeps it open until it is let go."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self.work = work
        self.holds, self.let_go = threading.Event(), threading.Event()

    def run(self) -> None:
        try:
            with transaction.atomic():
                self.work()
                self.holds.set()
                self.let_go.wait(30)
                transaction.set_rollback(True)
        finally:
            connection.close()

    def __enter__(self) -> None:
        self.start()
        assert self.holds.wait(10)

    def __exit__(self, *_: object) -> None:
        self.let_go.set()
        self.join()


def timed(ask: Callable[[], Any]) -> tuple[Any, float]:
    """The answer, and after how many seconds it came."""
    begun = time.monotonic()
    return ask(), time.monotonic() - begun


def test_rows_that_are_held(location: Location, courier: Courier) -> None:
    """One test for all, side by side: each waits for its time-out."""
    package = bring(courier, location, "T-1")
    api, screen = courier_api(courier), kiosk_api(make_kiosk(location))
    code = code_of(package)
    other = bring(courier, location, "T-2")
    fresh = Api(api.key, type(api.client)())

    def hold() -> None:
        IdempotencyKey.objects.create(courier=courier, key="held", fingerprint=b"f" * 32)
        Package.objects.lock(package.pk)

    with Holder(hold):
        answers: list[Any] = together(
            lambda: timed(lambda: api.post("/lockers/assign", parcel(location, "T-3"), key="held")),
            lambda: timed(lambda: fresh.post(f"/packages/{package.pk}/cancel", key="k-2")),
            lambda: timed(lambda: screen.post("/pickup", {"code": code})),
        )
    failed = [answer for answer in answers if isinstance(answer, Exception)]
    assert not failed, failed
    (running, _), (stuck, _), (kiosk, _) = answers
    assert (running.status_code, running.json()["code"]) == (409, "idempotency_key_running")
    for answer in (stuck, kiosk):
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    for answer in (running, stuck, kiosk):
        assert int(answer["Retry-After"]) >= 1
    assert not IdempotencyKey.objects.exists()
    assert Package.objects.count() == 2
    assert Kiosk.objects.get().wrong_codes_in_row == 0
    assert_sound()
    # And everything works again, with the same keys.
    assert api.post("/lockers/assign", parcel(location, "T-3"), key="held").status_code == 201
    assert screen.post("/pickup", {"code": code}).status_code == 200
    assert api.post(f"/packages/{other.pk}/cancel", key="k-2").status_code == 200
    assert_sound()


def test_a_connection_that_is_lost_at_the_key_is_not_called_a_running_request(
    location: Location, courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = courier_api(courier)
    real = Receipt.text

    def text(receipt: Receipt, answer: Answer) -> str:
        end_my_connection()
        return real(receipt, answer)

    with monkeypatch.context() as patch:
        patch.setattr(Receipt, "text", text)
        answer = api.post("/lockers/assign", parcel(location, "T-1"), key="k-1")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    connection.close()
    assert not Package.objects.exists()
    assert api.post("/lockers/assign", parcel(location, "T-1"), key="k-1").status_code == 201


@pytest.mark.parametrize("before_commit", [True, False])
def test_a_connection_that_is_lost_at_the_end_leaves_all_or_nothing(
    location: Location, courier: Courier, before_commit: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller cannot know; its repeat with the same key finds out, and there is one package either way."""
    api = courier_api(courier, codes_read=True)
    module = importlib.import_module("packages_app.operations.packages.assign")
    real = module.fetch

    def drop_off(sql: str, params: dict[str, Any]) -> list[Any]:
        if "INSERT" in sql and before_commit:
            end_my_connection()
        rows: list[Any] = real(sql, params)
        if "INSERT" in sql:
            end_my_connection()
            connection.cursor().execute("SELECT 1")
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(module, "fetch", drop_off)
        answer = api.post("/lockers/assign", parcel(location, "T-1"), key="k-1")
    assert answer.status_code == 503
    connection.close()
    assert Package.objects.count() == IdempotencyKey.objects.count() == (0 if before_commit else 1)
    again = api.post("/lockers/assign", parcel(location, "T-1"), key="k-1")
    assert again.status_code == 201
    assert ("Idempotent-Replayed" in again) == (not before_commit)
    assert Package.objects.get().tracking_number == "T-1"
    assert_sound()


def end_my_connection() -> None:
    """As an operator or a restart does it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()

    def terminate() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    together(terminate)
