"""Deliver messages without a broker; the same work as the Celery task."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import asdict
from types import FrameType

from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, connection

from notifications.delivery.people import deliver_due
from notifications.delivery.runner import Counts
from notifications.models import Channel, Notification
from notifications.webhooks.delivery import deliver_webhooks

logger = logging.getLogger(__name__)

Deliver = Callable[..., Counts]


class Command(BaseCommand):
    """Send what is due, once or until it is stopped."""

    help = "Sends due messages without Celery until it is stopped. Workers may run at the same time."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--once` and `--every`."""
        parser.add_argument("--once", action="store_true", help="send what is due now, then exit")
        parser.add_argument("--every", type=float, default=1.0, help="seconds between checks (default 1)")

    def handle(self, *, once: bool, every: float, **options: object) -> None:
        """Deliver; after a signal, finish the message that is being sent."""
        if once:
            self._run_once()
            return
        self._stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stopped)
        # Couriers' servers may be slow, and no pickup code should wait for them.
        webhooks = threading.Thread(target=self._serve_webhooks, args=[every], name="webhooks")
        webhooks.start()
        try:
            self._serve(deliver_due, every)
        finally:
            self._stop.set()
            webhooks.join()

    def _serve(self, deliver: Deliver, every: float) -> None:
        while not self._stop.is_set():
            if not self._run(deliver):
                self._stop.wait(every)

    def _serve_webhooks(self, every: float) -> None:
        try:
            self._serve(deliver_webhooks, every)
        except BaseException:
            self._stop.set()  # the whole process ends, so that its supervisor restarts it
            raise
        finally:
            connection.close()

    def _run_once(self) -> None:
        due = Notification.objects.due()
        webhooks = due.filter(channel=Channel.WEBHOOK).count()
        self._drain(deliver_due, max(1, due.exclude(channel=Channel.WEBHOOK).count()))
        if webhooks:
            self._drain(deliver_webhooks, webhooks)

    def _drain(self, deliver: Deliver, left: int) -> None:
        """Send as many as are due now; on a busy portal there are always new ones, and it would never end."""
        unfinished = True
        while unfinished and left > 0:
            counts = deliver(limit=left, seconds=2.0)
            self.stdout.write(_words(counts))
            left -= counts.claimed - counts.given_back
            unfinished = counts.unfinished

    def _run(self, deliver: Deliver) -> bool:
        """Deliver once; return whether more is due."""
        try:
            counts = deliver(seconds=2.0)
        except (OperationalError, InterfaceError) as error:
            logger.warning("The database is unavailable: %s", type(error).__name__)
            connection.close()
            return False
        if counts.claimed:
            self.stdout.write(_words(counts))
        return counts.unfinished

    def _stopped(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()


def _words(counts: Counts) -> str:
    return ", ".join(f"{name} {value}" for name, value in asdict(counts).items() if name != "unfinished")
