"""Messages to staff about couriers that have reached, or nearly reached, their daily SMS cap."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from notifications import outbox
from notifications.delivery import sms_limits
from notifications.delivery.sms_limits import Spent
from notifications.messages import Message, Suppressed
from notifications.models import Notification
from packages_app.models import Courier

if TYPE_CHECKING:
    from django.contrib.auth.models import User

NEAR = Decimal("0.8")  # of the cap
REACHED_KIND, NEAR_KIND = "sms_cap_reached", "sms_cap_near"


def staff() -> QuerySet[User]:
    """Return the staff who may raise a cap and have an email address."""
    may = get_user_model().objects.with_perm(
        "packages_app.change_courier", backend="django.contrib.auth.backends.ModelBackend"
    )
    return may.filter(is_staff=True).exclude(email="")


def of_courier(courier: Courier, day: date) -> Spent:
    """Return what the SMS about its packages have cost on `day` (UTC) so far."""
    return sms_limits.spent(courier.sms_payer, day)


def kind(spent: Spent, cap: Decimal) -> str:
    """Return the kind of message to send; empty for none, also where the cap is 0: no SMS at all."""
    if not cap:
        return ""
    if spent.refused:
        return REACHED_KIND
    return NEAR_KIND if spent.used >= cap * NEAR else ""


def tell(courier: Courier, day: date, kind: str) -> int:
    """Write an email to each of the staff, once a day, in the caller's transaction; return how many."""
    found = staff().order_by("-pk").values_list("email", "pk")
    readers = sorted({email.lower(): user_id for email, user_id in found}.values())
    keys = {user_id: f"{kind}:{day}:{courier.pk}:{user_id}" for user_id in readers}
    mailed = [f"{key}:email" for key in keys.values()]
    known = set(Notification.objects.filter(dedup_key__in=mailed).values_list("dedup_key", flat=True))
    new = [user_id for user_id in readers if f"{keys[user_id]}:email" not in known]
    for user_id in new:
        outbox.enqueue(
            kind=kind,
            channels=["email"],
            subject=f"sms_cap:{day}:{courier.pk}:{user_id}",
            dedup_prefix=keys[user_id],
        )
    return len(new)


def compose(notifications: Sequence[Notification]) -> dict[int, Message | Suppressed]:
    """Return the message with the present figures, or why there is none, for each notification."""
    asked = {row.pk: row.subject.split(":")[1:] for row in notifications}
    couriers = Courier.objects.in_bulk([int(courier_id) for _, courier_id, _ in asked.values()])
    readers = staff().in_bulk([int(user_id) for *_, user_id in asked.values()])
    composed: dict[int, Message | Suppressed] = {}
    for row in notifications:
        day, courier_id, user_id = asked[row.pk]
        courier, reader = couriers.get(int(courier_id)), readers.get(int(user_id))
        if courier is None or reader is None:
            composed[row.pk] = Suppressed("the reader or the courier is gone")
        else:
            composed[row.pk] = _message(row.kind, courier, reader, date.fromisoformat(day))
    return composed


def _message(told: str, courier: Courier, reader: User, day: date) -> Message | Suppressed:
    spent, cap = of_courier(courier, day), cap_of(courier)
    now = kind(spent, cap)
    if now != told:
        return Suppressed("the cap is reached by now" if now else "the cap was changed")
    facts: dict[str, object] = {
        "recipient_name": reader.get_full_name() or reader.get_username(),
        "courier_name": courier.name,
        "courier_code": courier.code,
        "used": f"{spent.used:.2f}",
        "cap": f"{cap:.2f}",
        "refused": spent.refused,
    }
    return Message(to=reader.email, language="en", context=facts)


def cap_of(courier: Courier) -> Decimal:
    """Return what its SMS may cost in a day."""
    own = courier.sms_daily_cap
    return Decimal(str(settings.SMS_DAILY_CAP)) if own is None else own
