"""Keyset pagination: the last page of a list costs as little as the first one.

A cursor holds the sort values of the last row of a page. It is signed, so a cursor that was not issued for
the same list and order is rejected. Rows that come or go between two pages do not move other rows.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from django.core import signing
from django.db.models import Field as ModelField
from django.db.models import Model, Q, QuerySet
from ninja.errors import ValidationError
from pydantic import Field

Row = TypeVar("Row", bound=Model)

LONGEST_PAGE = 100
Limit = Annotated[int, Field(ge=1, le=LONGEST_PAGE, description="The maximum number of items")]
Cursor = Annotated[
    Annotated[str, Field(max_length=1000, json_schema_extra={"format": "cursor"})] | None,
    Field(
        description="The `next_cursor` of the previous page; omit it for the first page",
        examples=["WyJUTEwtMDEiXQ:4mJ0bQ8f0l8"],
    ),
]


def paginate(
    queryset: QuerySet[Row], *, order: tuple[str, ...], limit: int, cursor: str | None
) -> tuple[list[Row], str | None]:
    """Return a page of `queryset` and the cursor of the next page, or None on the last one.

    `order` names fields or annotations that are never NULL and unique together; a leading `-` sorts in
    descending order. Raises `ValidationError` for a cursor that was not issued for this list.
    """
    if cursor is not None:
        queryset = queryset.filter(_after(_read(queryset, order, cursor)))
    rows = list(queryset.order_by(*order)[: limit + 1])
    if len(rows) <= limit:
        return rows, None
    del rows[limit:]
    return rows, _write(queryset, order, rows[-1])


def _after(values: list[tuple[str, Any]]) -> Q:
    """Return the condition for rows after these values.

    The outer comparison of the first field lets PostgreSQL use an index.
    """
    (name, value), *rest = values
    descending, field = name.startswith("-"), name.removeprefix("-")
    beyond = Q(**{f"{field}__{'lt' if descending else 'gt'}": value})
    if not rest:
        return beyond
    reaching = Q(**{f"{field}__{'lte' if descending else 'gte'}": value})
    return reaching & (beyond | Q(**{field: value}) & _after(rest))


def _signer(queryset: QuerySet[Row], order: tuple[str, ...]) -> signing.Signer:
    return signing.Signer(salt=f"cursor:{queryset.model._meta.label}:{','.join(order)}")


def _write(queryset: QuerySet[Row], order: tuple[str, ...], row: Row) -> str:
    values = [_plain(getattr(row, name.removeprefix("-"))) for name in order]
    return _signer(queryset, order).sign_object(values)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _read(queryset: QuerySet[Row], order: tuple[str, ...], cursor: str) -> list[tuple[str, Any]]:
    try:
        values = _signer(queryset, order).unsign_object(cursor)
    except (signing.BadSignature, ValueError):
        raise ValidationError(
            [
                {
                    "type": "cursor",
                    "loc": ("query", "cursor"),
                    "msg": "is not a cursor of this list; start without one",
                }
            ]
        ) from None
    return [
        (name, _field(queryset, name.removeprefix("-")).to_python(value))
        for name, value in zip(order, values, strict=True)
    ]


def _field(queryset: QuerySet[Row], name: str) -> ModelField[Any, Any]:
    annotation = queryset.query.annotations.get(name)
    if annotation is not None:
        field: ModelField[Any, Any] = annotation.output_field
        return field
    return queryset.model._meta.get_field(name)  # type: ignore[return-value]
