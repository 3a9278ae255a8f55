"""A web request does not wait forever for its database."""

from __future__ import annotations

import os
import time

import psycopg
import pytest
from django.db import OperationalError, connection, connections
from django.db.backends.postgresql import base

from lockerportal.database import base as base_module
from lockerportal.database.base import Connection, DatabaseWrapper, outage, time_limit
from tests.notifications.providers import SilentServer


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "next_try", 0.0)
    with time_limit(0.2), pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(2)")
    assert connection.connection.closed  # its answer may still come, and must not be read as another query's
    assert outage.next_try > time.monotonic()  # so that the next request does not wait as long
    connection.close_if_unusable_or_obsolete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
def test_several_answers_in_turn_share_one_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting a second for each of three locks takes three seconds; the limit is on their sum."""
    monkeypatch.setattr(outage, "next_try", 0.0)
    monkeypatch.setattr(base_module, "MIN_WAIT_SECONDS", 0.1)
    with time_limit(0.7), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.3)")
        cursor.execute("SELECT pg_sleep(0.3)")
        with pytest.raises(OperationalError):
            cursor.execute("SELECT pg_sleep(0.3)")
    assert connection.connection.closed
    assert not outage.next_try  # it has answered twice, so other requests need not fail
    connection.close_if_unusable_or_obsolete()


@pytest.mark.django_db(transaction=True)
def test_a_page_with_many_quick_queries_may_take_longer() -> None:
    with time_limit(0.05), connection.cursor() as cursor:
        time.sleep(0.06)
        for _ in range(5):
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
def test_a_failed_statement_leaves_the_connection_open() -> None:
    with time_limit(5), pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 20; SELECT pg_sleep(2)")
    assert isinstance(connection.connection, Connection)
    assert not connection.connection.closed
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_without_a_limit_it_waits_as_long_as_it_takes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.3)")
        assert cursor.fetchone() is not None


@pytest.mark.django_db(transaction=True)
def test_while_one_request_tries_the_others_fail_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "next_try", 0.0)
    with SilentServer() as server:
        settings = {**connections.databases["default"], "HOST": "127.0.0.1", "PORT": str(server.port)}
        wrapper = DatabaseWrapper(settings)
        with pytest.raises(OperationalError) as first:
            wrapper.ensure_connection()
        assert isinstance(first.value.__cause__, psycopg.errors.ConnectionTimeout)
        with time_limit(3), pytest.raises(OperationalError, match="a moment ago"):
            wrapper.ensure_connection()

    monkeypatch.setattr(outage, "next_try", time.monotonic() - 1)
    with time_limit(3), pytest.raises(OperationalError, match="refused"):
        wrapper.ensure_connection()
    assert outage.next_try == 0.0  # a server that refuses has answered


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A list that grows with each check of a connection."""
    checked: list[bool] = []
    is_usable = base.DatabaseWrapper.is_usable

    def count(wrapper: base.DatabaseWrapper) -> bool:
        checked.append(True)
        return bool(is_usable(wrapper))

    monkeypatch.setattr(base.DatabaseWrapper, "is_usable", count)
    monkeypatch.setattr(outage, "next_try", 0.0)
    return checked


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_just_answered_is_not_checked(checks: list[bool]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert connection.is_usable()
    assert not checks


@pytest.mark.django_db(transaction=True)
def test_an_idle_connection_is_checked(checks: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()
    monkeypatch.setattr(connection.connection, "answered_at", time.monotonic() - 1.5)
    assert connection.is_usable()
    assert checks


@pytest.mark.django_db(transaction=True)
def test_during_an_outage_every_connection_is_checked(
    checks: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    monkeypatch.setattr(outage, "next_try", time.monotonic() + 60)
    assert connection.is_usable()
    assert checks


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_just_ended_is_not_usable(checks: list[bool]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with psycopg.connect(os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"]) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    assert not connection.is_usable()
    assert checks
    connection.close()
