"""Keyset pagination: complete, in order, and robust against invalid cursors."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import signing
from django.db.models import F, Value
from ninja.errors import ValidationError

from common.pagination import paginate
from lockers.models import Compartment, Kiosk, Location
from tests.world import NOW, make_courier, make_location, make_package

pytestmark = pytest.mark.django_db


def walk(queryset: Any, order: tuple[str, ...], limit: int) -> list[list[Any]]:
    """Return all pages."""
    pages, cursor = [], None
    while True:
        rows, cursor = paginate(queryset, order=order, limit=limit, cursor=cursor)
        pages.append(rows)
        if cursor is None:
            return pages


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 7, 100])
@pytest.mark.parametrize("order", [("id",), ("-id",), ("size", "-row", "id"), ("-size", "row")])
def test_every_row_once_and_in_order(limit: int, order: tuple[str, ...]) -> None:
    doors = make_location().compartments.all()
    pages = walk(doors, order, limit)
    assert [row for page in pages for row in page] == list(doors.order_by(*order))
    assert all(len(page) == limit for page in pages[:-1])
    assert 1 <= len(pages[-1]) <= limit


def test_empty_list() -> None:
    assert paginate(Location.objects.all(), order=("code",), limit=5, cursor=None) == ([], None)


def test_equal_times_and_ids_that_are_uuids() -> None:
    location, courier = make_location(small=7), make_courier()
    for index, door in enumerate(location.compartments.filter(size=1)):
        make_package(courier, door, expires_at=NOW + timedelta(days=1, microseconds=index // 3))
    packages = courier.packages.all()
    rows = [row for page in walk(packages, ("expires_at", "id"), 2) for row in page]
    assert rows == list(packages.order_by("expires_at", "id"))
    assert len(rows) == 7


def test_annotations() -> None:
    doors = make_location().compartments.annotate(weight=F("row") * Value(0.1) + F("size") * Value(0.7))
    rows = [row for page in walk(doors, ("-weight", "id"), 2) for row in page]
    assert rows == list(doors.order_by("-weight", "id"))


def test_rows_that_come_and_go_do_not_move_others() -> None:
    doors = make_location(small=6, medium=0, large=0).compartments.order_by("label")
    first, cursor = paginate(doors, order=("label",), limit=2, cursor=None)
    assert [row.label for row in first] == ["S1", "S2"]
    doors.filter(label__in=["S1", "S2", "S3"]).delete()
    doors.filter(label="S6").update(label="S0")
    second, cursor = paginate(doors, order=("label",), limit=2, cursor=cursor)
    assert [row.label for row in second] == ["S4", "S5"]
    assert cursor is None


def cursor_of(order: tuple[str, ...]) -> str:
    _, cursor = paginate(Compartment.objects.all(), order=order, limit=2, cursor=None)
    assert cursor is not None
    return cursor


BROKEN = ["", "x", "null", "WzFd", "a:b", "\0", "\ud800", "🗝", "9" * 900]


@pytest.mark.parametrize("cursor", BROKEN)
def test_broken_cursors(cursor: str) -> None:
    make_location()
    refused(cursor)


def test_tampered_cursors() -> None:
    make_location()
    cursor = cursor_of(("id",))
    for changed in (
        "A" + cursor,
        cursor[:-1],
        cursor[1:],
        cursor + "=",
        cursor.replace(":", "."),
        cursor.swapcase(),
    ):
        refused(changed)
    refused(signing.Signer().sign_object([1]))
    assert paginate(Compartment.objects.all(), order=("id",), limit=2, cursor=cursor)[0]


def test_cursor_of_another_list() -> None:
    make_location()
    refused(cursor_of(("label", "id")))
    with pytest.raises(ValidationError):
        paginate(Kiosk.objects.all(), order=("id",), limit=2, cursor=cursor_of(("id",)))


def refused(cursor: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        paginate(Compartment.objects.all(), order=("id",), limit=2, cursor=cursor)
    assert refusal.value.errors[0]["loc"] == ("query", "cursor")
