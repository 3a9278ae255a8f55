"""What must never be of messages and webhooks: one thing each, put into an honest history."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection

from common.clock import database_now
from notifications import quiet_hours
from notifications.models import Notification
from packages_app.models import Package
from tests import world
from tests.packages_app.invariants.lived import World
from tests.packages_app.invariants.spoiling import MESSAGE, Spoil, without


def told(w: World, package: Package) -> list[Notification]:
    """What its courier's endpoint is told of a package, in order."""
    rows = Notification.objects.filter(subject=w.hook.destination_id, queue=f"package:{package.pk}")
    return list(rows.order_by("id"))


def overtaken(w: World) -> None:
    _, later = told(w, w.collected)
    Notification.objects.filter(pk=later.pk).update(status="sent", sent_at=w.now)


def told_to_a_stranger(w: World) -> None:
    stranger = world.make_webhook(world.make_courier("ups"), opened_at=w.now)
    row = told(w, w.stored)[0]
    key = row.dedup_key.replace(w.hook.destination_id, stranger.destination_id)
    Notification.objects.filter(pk=row.pk).update(subject=stranger.destination_id, dedup_key=key)


def told_of_something_else(w: World) -> None:
    Notification.objects.filter(pk=told(w, w.stored)[0].pk).update(kind="package.returned")


def told_of_no_event(w: World) -> None:
    key = f"{w.hook.destination_id}:event:999999999"
    Notification.objects.filter(pk=told(w, w.stored)[0].pk).update(dedup_key=key)


def not_announced(w: World) -> None:
    Notification.objects.filter(pk=told(w, w.expired)[-1].pk).delete()


def endpoint_in_a_week(w: World) -> None:
    Notification.objects.filter(channel="webhook").update(next_attempt_at=w.now + timedelta(hours=28))


def code_for_a_stranger(w: World) -> None:
    Notification.objects.filter(kind="delegated").update(subject=f"package:{w.stored.pk}")


def message_never_written(w: World) -> None:
    Notification.objects.filter(kind="expired", subject=f"package:{w.expired.pk}", channel="sms").delete()


def message_of_nothing(w: World) -> None:
    Notification.objects.create(
        kind="expired", channel="sms", subject=f"package:{w.stored.pk}", dedup_key="event:999999999:sms"
    )


def message_twice(w: World) -> None:
    row = Notification.objects.filter(kind="retrieved").earliest("pk")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'u' AND conrelid = %s::regclass", [MESSAGE]
        )
        names = [name for (name,) in cursor.fetchall()]
    without(MESSAGE, *names)
    row.pk = None
    row.save(force_insert=True)


def message_about_another(w: World) -> None:
    Notification.objects.filter(kind="retrieved", channel="sms").update(subject=f"package:{w.stored.pk}")


def lease_of_a_dead_worker(w: World) -> None:
    row = Notification.objects.filter(kind="retrieved").earliest("pk")
    Notification.objects.filter(pk=row.pk).update(
        status="sending",
        lease_token="00000000-0000-0000-0000-000000000001",
        leased_until=w.now - timedelta(minutes=2),
    )


def retry_in_a_week(w: World) -> None:
    Notification.objects.filter(kind="retrieved").update(next_attempt_at=w.now + timedelta(days=7))


def put_off(hours: float) -> None:
    """The SMS that wait, as delivery puts them off in quiet hours."""
    waiting = Notification.objects.filter(channel="sms", status="pending")
    until = database_now() + timedelta(hours=hours)
    assert waiting.update(next_attempt_at=until, reason=quiet_hours.WAITS)


def quiet_for_two_days(w: World) -> None:
    put_off(48)


def no_quiet_hours(w: World) -> None:
    put_off(10)
    Notification.objects.filter(reason=quiet_hours.WAITS).update(reason="gateway: TimeoutError")


def sent_at_no_time(w: World) -> None:
    without(MESSAGE, "notification_sent_has_time")
    Notification.objects.filter(kind="retrieved").update(status="sent")


def delivered_at_no_time(w: World) -> None:
    without(MESSAGE, "notification_receipt_has_time")
    Notification.objects.filter(kind="retrieved").update(status="delivered", sent_at=w.now)


def bounced_without_reason(w: World) -> None:
    without(MESSAGE, "notification_end_has_reason")
    Notification.objects.filter(kind="retrieved").update(
        status="bounced", sent_at=w.now, receipt_at=w.now, reason=""
    )


def dead_without_reason(w: World) -> None:
    without(MESSAGE, "notification_end_has_reason")
    Notification.objects.filter(kind="retrieved").update(status="dead")


SPOILT: list[tuple[str, Spoil]] = [
    ("I20", code_for_a_stranger),
    ("I13", message_never_written),
    ("I13", message_of_nothing),
    ("I13", message_twice),
    ("I13", message_about_another),
    ("I14", lease_of_a_dead_worker),
    ("I14", retry_in_a_week),
    ("I14", quiet_for_two_days),
    ("I14", no_quiet_hours),
    ("I14", sent_at_no_time),
    ("I14", delivered_at_no_time),
    ("I14", bounced_without_reason),
    ("I14", dead_without_reason),
    ("I14", endpoint_in_a_week),
    ("W1", overtaken),
    ("W2", told_to_a_stranger),
    ("W2", told_of_something_else),
    ("W2", told_of_no_event),
    ("W3", not_announced),
]
