"""A web request does not wait for ever for its database."""

from __future__ import annotations

import os
import time

import psycopg
import pytest
from django.db import OperationalError, connection, connections
from django.db.backends.postgresql import base

from lockerportal.database import base as base_module
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
def test_several_answers_in_turn_are_not_waited_for_longer_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three locks of a second each are three seconds; the patience is for all of them together."""
    monkeypatch.setattr(silence, "next_try", 0.0)
    monkeypatch.setattr(base_module, "LAST_WAIT_SECONDS", 0.1)
    with patience(0.7), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.3)")
        cursor.execute("SELECT pg_sleep(0.3)")
        with pytest.raises(OperationalError):
            cursor.execute("SELECT pg_sleep(0.3)")
    assert connection.connection.closed
    assert not silence.next_try  # it has answered twice: others need not be refused
    connection.close_if_unusable_or_obsolete()


@pytest.mark.django_db(transaction=True)
def test_a_page_of_many_quick_answers_may_take_longer() -> None:
    with patience(0.05), connection.cursor() as cursor:
        time.sleep(0.06)
        for _ in range(5):
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


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Grows with each "are you there?" that goes to the server."""
    questions: list[bool] = []
    ask = base.DatabaseWrapper.is_usable

    def count(wrapper: base.DatabaseWrapper) -> bool:
        questions.append(True)
        return bool(ask(wrapper))

    monkeypatch.setattr(base.DatabaseWrapper, "is_usable", count)
    monkeypatch.setattr(silence, "next_try", 0.0)
    return questions


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_answered_just_now_is_not_asked_again(asked: list[bool]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert connection.is_usable()
    assert not asked


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_rested_is_asked(asked: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()
    monkeypatch.setattr(connection.connection, "answered_at", time.monotonic() - 1.5)
    assert connection.is_usable()
    assert asked


@pytest.mark.django_db(transaction=True)
def test_while_the_server_is_silent_every_connection_is_asked(
    asked: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    monkeypatch.setattr(silence, "next_try", time.monotonic() + 60)
    assert connection.is_usable()
    assert asked


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ended_a_moment_ago_is_not_usable(asked: list[bool]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with psycopg.connect(os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"]) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    assert not connection.is_usable()
    assert asked
    connection.close()
