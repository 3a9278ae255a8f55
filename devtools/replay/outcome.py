"""After the day: what the sweep, the database and the messages say about the parcels."""

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
# What each end means for the package's row.
ENDS = {"collected": Status.RETRIEVED, "returned": Status.RETURNED}
_CHUNK = 5000


def end_holds(parcels: list[Parcel]) -> int:
    """The hold of those that still lie STORED ends now, behind the portal's back; returns how many."""
    stored = Package.objects.filter(status=Status.STORED)
    return sum(
        stored.filter(pk__in=chunk).update(expires_at=ClockTimestamp()) for chunk in _chunks(_ids(parcels))
    )


def wait_for_sweep(parcels: list[Parcel], *, seconds: float) -> int:
    """Wait until none of them is STORED any more; returns how many still are after so many seconds."""
    ids = _ids(parcels)
    ends = time.monotonic() + seconds
    while True:
        left = sum(
            Package.objects.filter(pk__in=chunk, status=Status.STORED).count() for chunk in _chunks(ids)
        )
        if not left or time.monotonic() > ends:
            return left
        time.sleep(0.5)


def wait_for_messages(rows: QuerySet[Notification], *, seconds: float, say: Say) -> int:
    """Wait until every message has its end, or `seconds` have brought none further; returns what is left."""
    last, moved, told = -1, time.monotonic(), time.monotonic()
    while True:
        left = rows.filter(status__in=OPEN).count()
        now = time.monotonic()
        if left != last:
            last, moved = left, now
        if not left or now - moved > seconds:
            return left
        if now - told > 5:
            say(f"  {left:,} messages to go")
            told = now
        time.sleep(0.5)


def messages_since(begun: datetime, courier_id: int) -> QuerySet[Notification]:
    """What recipients of this courier's packages were told since then."""
    subject = Concat(Value("package:"), Cast("pk", TextField()), output_field=TextField())
    packages = Package.objects.filter(courier_id=courier_id, updated_at__gte=begun)
    subjects = packages.order_by().values(subject=subject)
    return Notification.objects.filter(subject__in=subjects, created_at__gte=begun)


def wrong_rows(parcels: list[Parcel]) -> list[str]:
    """Where the database does not say what the API said."""
    expected = {UUID(parcel.package_id): parcel for parcel in parcels if parcel.package_id}
    statuses: dict[UUID, str] = {}
    for chunk in _chunks(list(expected)):
        statuses |= dict(Package.objects.filter(pk__in=chunk).values_list("pk", "status"))
    return [
        f"{parcel.number} was {parcel.outcome}, and is {statuses.get(pk, 'not there')}"
        for pk, parcel in expected.items()
        if parcel.outcome in ENDS and statuses.get(pk) != ENDS[parcel.outcome]
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
        """All but those whose reason had gone before they were sent."""
        return self.statuses.total() - self.statuses[Sending.SUPPRESSED]

    @property
    def sent(self) -> int:
        """Those that a provider took, whatever it said of them later."""
        return sum(self.statuses[status] for status in TAKEN)

    @property
    def sound(self) -> bool:
        """Everything due was sent, and what was sent is there."""
        return self.due == self.sent and not self.missing


def mail(rows: QuerySet[Notification], *, mailbox_from: int) -> Mail:
    """Compare rows and mailbox; `mailbox_from` is the size that its file had before."""
    found = list(rows.values_list("pk", "channel", "status", "reason"))
    in_file = _in_mailbox(mailbox_from)
    read = [
        channel
        for channel, backend in (("email", settings.EMAIL_BACKEND), ("sms", settings.SMS_BACKEND))
        if backend.startswith("notifications.") and ".mailbox." in backend
    ]
    sent = [str(pk) for pk, channel, status, _ in found if status in TAKEN and channel in read]
    return Mail(
        statuses=Counter(status for _, _, status, _ in found),
        reasons=Counter(
            reason for _, _, status, reason in found if status in (Sending.SUPPRESSED, Sending.DEAD)
        ),
        missing=sum(1 for pk in sent if not in_file[pk]) if read else None,
        twice=sum(1 for pk in sent if in_file[pk] > 1),
    )


def mailbox_size() -> int:
    """Bytes in the mailbox file so far."""
    file = Path(settings.MAILBOX_FILE)
    return file.stat().st_size if file.is_file() else 0


def _in_mailbox(start: int) -> Counter[str]:
    """How often each notification stands in the mailbox file from there on."""
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
