"""Hand-written statements: prepared, with named parameters."""

from __future__ import annotations

import uuid

import pytest
from django.conf import LazySettings
from django.db import DataError, IntegrityError, connection, transaction

from common.sql import fetch
from lockers.models import Location

pytestmark = pytest.mark.django_db


def _prepared(marker: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE starts_with(statement, %s)",
            [f"SELECT '{marker}'"],
        )
        (count,) = cursor.fetchone()
    return int(count)


def test_rows_come_as_named_tuples() -> None:
    rows = fetch("SELECT %(number)s::int AS number, 'a%%b' AS text", {"number": 7})
    assert [(row.number, row.text) for row in rows] == [(7, "a%b")]


def test_a_parameter_may_be_used_twice_or_not_at_all() -> None:
    rows = fetch("SELECT %(b)s::int AS b, %(a)s::int AS a, %(b)s::int AS c", {"a": 1, "b": 2, "unused": 3})
    assert rows == [(2, 1, 2)]
    with pytest.raises(KeyError):
        fetch("SELECT %(a)s::int", {"b": 2})


def test_a_statement_is_planned_once_for_all_its_calls() -> None:
    marker = uuid.uuid4().hex
    for number in range(3):
        fetch(f"SELECT '{marker}', %(number)s::int", {"number": number})
    assert _prepared(marker) == 1


def test_nothing_is_prepared_if_the_setting_is_off(
    settings: LazySettings,
) -> None:
    settings.DB_PREPARE_STATEMENTS = False
    marker = uuid.uuid4().hex
    fetch(f"SELECT '{marker}', %(number)s::int", {"number": 1})
    assert _prepared(marker) == 0


def test_other_statements_are_not_prepared() -> None:
    for _ in range(20):
        Location.objects.filter(code="nowhere").first()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%nowhere%'")
        assert cursor.fetchone() == (0,)


def test_a_statement_without_rows() -> None:
    assert fetch("UPDATE lockers_location SET name = 'x' WHERE code = %(code)s", {"code": "nowhere"}) == []


def test_errors_are_those_of_django_and_leave_the_transaction_broken() -> None:
    with pytest.raises(DataError), transaction.atomic():
        fetch("SELECT 1 / %(number)s::int", {"number": 0})
    with pytest.raises(IntegrityError), transaction.atomic():
        fetch("INSERT INTO lockers_locker (location_id, name) VALUES (%(id)s, NULL)", {"id": 1})
    assert fetch("SELECT 1 AS one", {})[0].one == 1
