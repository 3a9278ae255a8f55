"""Composers for tests: they return what the context of the notification says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import connection

from notifications.messages import Message, Payer, Suppressed
from notifications.models import Notification

FACTS: dict[str, object] = {
    "recipient_name": "Mari Maasikas",
    "code": "4821 7730",
    "location_name": "Tallinn Balti jaam",
    "location_address": "Kopli 1, Tallinn",
    "compartment": "A-07",
    "courier_name": "Põhja Post",
    "tracking_number": "EE123456789",
    "expires_at": datetime(2026, 11, 27, 18, 0, tzinfo=ZoneInfo("Europe/Tallinn")),
    "hold_days": 7,
}


def compose(notifications: Sequence[Notification]) -> dict[int, Message | Suppressed]:
    """`context["answer"]`: suppressed, missing, raise or sql; otherwise a message to `context["to"]`.

    `context["sql"]` is a statement that fails.

    `context["unwanted"]` is a channel that is taken only where it stands in for the other one.

    It has the facts that `context["without"]` does not name, or has those of `context["facts"]` for them, and
    is paid by `context["payer"]`.
    """
    answers: dict[int, Message | Suppressed] = {}
    for row in notifications:
        match row.context.get("answer"):
            case "raise":
                raise LookupError("no such parcel: 4821 7730")
            case "missing":
                continue
            case "sql":
                with connection.cursor() as cursor:
                    cursor.execute(row.context["sql"])
            case "suppressed":
                answers[row.pk] = Suppressed("the parcel was collected")
            case _ if row.context.get("unwanted") == row.channel and "instead_of" not in row.context:
                answers[row.pk] = Suppressed("not by this channel", unwanted=True)
            case _:
                own = row.context.get("facts", {})
                default = "mari@example.com" if row.channel == "email" else "+3725550000"
                facts = {name: FACTS[name] for name in FACTS if name not in row.context.get("without", [])}
                to, payer = row.context.get("to", default), row.context.get("payer")
                paid = Payer(payer, row.context.get("cap")) if payer else None
                answers[row.pk] = Message(to=to, language="en", context={**facts, **own}, payer=paid)
    return answers


def compose_hook(notifications: Sequence[Notification]) -> dict[int, Message | Suppressed]:
    """The same for webhooks: the body says the row's number; `context["url"]` is where it goes."""
    answers: dict[int, Message | Suppressed] = {}
    for row in notifications:
        match row.context.get("answer"):
            case "raise":
                raise LookupError("no such parcel")
            case "suppressed":
                answers[row.pk] = Suppressed("the endpoint was deleted")
            case _:
                facts: dict[str, object] = {"body": str(row.pk).encode(), "keys": [b"k" * 32]}
                answers[row.pk] = Message(to=row.context["url"], language="en", context=facts)
    return answers
