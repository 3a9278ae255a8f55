"""After the day: compare the parcels with the database and the messages."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat

from common.clock import ClockTimestamp
from devtools.replay.parcels import Parcel
from notifications.models import OPEN, TAKEN, Notification
from notifications.models import Status as Sending
from packages_app.life.lifecycle import Status
from packages_app.models import Package

Say = Callable[[str], None]
# The status of a package after each outcome.
FINAL_STATUS = {"collected": Status.RETRIEVED, "returned": Status.RETURNED}
_CHUNK = 5000


def end_holds(parcels: list[Parcel]) -> int:
    """End the hold of the parcels that are STORED, by writing to the database; return how many there were."""
    stored = Package.objects.filter(status=Status.STORED)
    return sum(
        stored.filter(pk__in=chunk).update(expires_at=ClockTimestamp()) for chunk in _chunks(_ids(parcels))
    )


def wait_for_sweep(parcels: list[Parcel], *, seconds: float) -> int:
    """Wait until none of them is STORED, and return how many still are after `seconds`."""
    ids = _ids(parcels)
    deadline = time.monotonic() + seconds
    while True:
        left = sum(
            Package.objects.filter(pk__in=chunk, status=Status.STORED).count() for chunk in _chunks(ids)
        )
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.5)


def wait_for_messages(rows: QuerySet[Notification], *, seconds: float, say: Say) -> int:
    """Wait until every message has ended, or none has for `seconds`; return how many are left."""
    last, last_change, last_report = -1, time.monotonic(), time.monotonic()
    while True:
        left = rows.filter(status__in=OPEN).count()
        now = time.monotonic()
        if left != last:
            last, last_change = left, now
        if not left or now - last_change > seconds:
            return left
        if now - last_report > 5:
            say(f"  {left:,} messages left")
            last_report = now
        time.sleep(0.5)


def messages_since(begun: datetime, courier_id: int) -> QuerySet[Notification]:
    """Return the messages about this courier's packages since `begun`."""
    subject = Concat(Value("package:"), Cast("pk", TextField()), output_field=TextField())
    packages = Package.objects.filter(courier_id=courier_id, updated_at__gte=begun)
    subjects = packages.order_by().values(subject=subject)
    return Notification.objects.filter(subject__in=subjects, created_at__gte=begun)


def wrong_rows(parcels: list[Parcel]) -> list[str]:
    """Describe the parcels for which the database disagrees with the API."""
    expected = {UUID(parcel.package_id): parcel for parcel in parcels if parcel.package_id}
    statuses: dict[UUID, str] = {}
    for chunk in _chunks(list(expected)):
        statuses |= dict(Package.objects.filter(pk__in=chunk).values_list("pk", "status"))
    return [
        f"{parcel.number} was {parcel.outcome}, but its package is {statuses.get(pk, 'missing')}"
        for pk, parcel in expected.items()
        if parcel.outcome in FINAL_STATUS and statuses.get(pk) != FINAL_STATUS[parcel.outcome]
    ]


@dataclass(frozen=True, slots=True)
class Mail:
    """The messages of a replay: rows by status, and how many of the sent ones are in the mailbox."""

    statuses: Counter[str]
    reasons: Counter[str]
    missing: int | None  # None where messages do not go to the mailbox file
    twice: int

    @property
    def due(self) -> int:
        """How many had to be sent: all but those whose reason was gone by then."""
        return self.statuses.total() - self.statuses[Sending.SUPPRESSED]

    @property
    def sent(self) -> int:
        """How many a provider accepted, whatever it reported about them later."""
        return sum(self.statuses[status] for status in TAKEN)

    @property
    def sound(self) -> bool:
        """Whether every message that was due was sent and is in the mailbox."""
        return self.due == self.sent and not self.missing


def mail(rows: QuerySet[Notification], *, mailbox_from: int) -> Mail:
    """Compare the rows with the mailbox file, of which the first `mailbox_from` bytes are older."""
    messages = list(rows.values_list("pk", "channel", "status", "reason"))
    in_file = _in_mailbox(mailbox_from)
    read = [
        channel
        for channel, backend in (("email", settings.EMAIL_BACKEND), ("sms", settings.SMS_BACKEND))
        if backend.startswith("notifications.") and ".mailbox." in backend
    ]
    sent = [str(pk) for pk, channel, status, _ in messages if status in TAKEN and channel in read]
    return Mail(
        statuses=Counter(status for _, _, status, _ in messages),
        reasons=Counter(
            reason for _, _, status, reason in messages if status in (Sending.SUPPRESSED, Sending.DEAD)
        ),
        missing=sum(1 for pk in sent if not in_file[pk]) if read else None,
        twice=sum(1 for pk in sent if in_file[pk] > 1),
    )


def mailbox_size() -> int:
    """Return the size of the mailbox file in bytes."""
    file = Path(settings.MAILBOX_FILE)
    return file.stat().st_size if file.is_file() else 0


def _in_mailbox(start: int) -> Counter[str]:
    """Count how often each notification is in the mailbox file from byte `start` on."""
    file = Path(settings.MAILBOX_FILE)
    if not file.is_file():
        return Counter()
    with file.open("rb") as opened:
        opened.seek(start)
        return Counter(str(json.loads(line).get("notification")) for line in opened)


def _ids(parcels: list[Parcel]) -> list[UUID]:
    return [UUID(parcel.package_id) for parcel in parcels]


def _chunks(ids: list[UUID]) -> list[list[UUID]]:
    return [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]
