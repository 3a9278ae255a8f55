"""A web request does not wait for ever for its database."""

from __future__ import annotations

import time

import psycopg
import pytest
from django.db import OperationalError, connection, connections

from lockerportal.database.base import Connection, DatabaseWrapper, patience, silence
from tests.notifications.providers import SilentServer


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_takes_too_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "next_try", 0.0)
    with patience(0.2), pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(2)")
    assert connection.connection.closed  # its answer may still come: nobody must read it as another one's
    assert silence.next_try > time.monotonic()  # the next request does not wait as long for nothing
    connection.close_if_unusable_or_obsolete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
def test_a_refused_statement_leaves_the_connection_as_it_is() -> None:
    with patience(5), pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 20; SELECT pg_sleep(2)")
    assert isinstance(connection.connection, Connection)
    assert not connection.connection.closed
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_others_wait_as_long_as_it_takes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.3)")
        assert cursor.fetchone() is not None


@pytest.mark.django_db(transaction=True)
def test_while_one_finds_out_the_others_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "next_try", 0.0)
    with SilentServer() as server:
        settings = {**connections.databases["default"], "HOST": "127.0.0.1", "PORT": str(server.port)}
        wrapper = DatabaseWrapper(settings)
        with pytest.raises(OperationalError) as first:
            wrapper.ensure_connection()
        assert isinstance(first.value.__cause__, psycopg.errors.ConnectionTimeout)
        with patience(3), pytest.raises(OperationalError, match="a moment ago"):
            wrapper.ensure_connection()

    monkeypatch.setattr(silence, "next_try", time.monotonic() - 1)
    with patience(3), pytest.raises(OperationalError, match="refused"):
        wrapper.ensure_connection()
    assert silence.next_try == 0.0  # a server that says no is not silent
