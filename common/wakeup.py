"""Wake a job after a commit instead of waiting for Celery beat; the caller never waits for the broker.

Jobs are woken by name, so that every room may wake a job of a room above it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

from celery import current_app
from django.conf import settings

logger = logging.getLogger(__name__)

PAUSE = 0.05  # seconds between two wake-up calls of one process: many commits share one
EXPIRES = 30.0  # seconds; a call that nobody took by then is worth nothing: beat has called since


class Nudger:
    """Calls `publish` in a thread of its own, at most once each `pause` seconds, and never drops the last.

    A call to `wake` sets an event and returns, so a dead or silent broker costs the caller nothing. What a
    failed call did not wake is found by the sweep of Celery beat.
    """

    def __init__(self, publish: Callable[[], None], *, pause: float = PAUSE) -> None:
        self._publish = publish
        self._pause = pause
        self._wanted = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failing = False

    def wake(self) -> None:
        """Ask for one call to `publish`, soon."""
        if self._thread is None:
            with self._start:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="notifications-nudge", daemon=True)
                    self._thread.start()
        self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            self._call()
            time.sleep(self._pause)

    def _call(self) -> None:
        try:
            self._publish()
        except Exception as error:  # noqa: BLE001 - whatever the broker's client raises, the thread must live
            if not self._failing:
                logger.warning("Cannot wake delivery, the sweep will find messages: %s", type(error).__name__)
            self._failing = True
        else:
            if self._failing:
                logger.warning("Delivery can be woken again")
            self._failing = False


class Wake:
    """Wakes one job soon, also in processes that were forked. Costs microseconds and raises nothing."""

    def __init__(self, publish: Callable[[], None]) -> None:
        self._publish = publish
        self._begin()
        # A fork copies the event and the lock, in whatever state they are, but not the thread.
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._nudger = Nudger(self._publish)

    def __call__(self) -> None:
        if settings.NOTIFICATION_NUDGE:
            self._nudger.wake()


def job(name: str) -> Callable[[], None]:
    """What puts this job into its queue. By its name: the module of a job needs what wakes it."""
    return lambda: current_app.send_task(name, retry=False, expires=EXPIRES)


_deliver = Wake(job("notifications.tasks.deliver"))
_deliver_webhooks = Wake(job("notifications.tasks.deliver_webhooks"))
_grant_queue = Wake(job("packages_app.tasks.grant_doors"))


def nudge() -> None:
    """Wake delivery soon; give it to `transaction.on_commit`."""
    _deliver()


def nudge_webhooks() -> None:
    """The same for the delivery to webhooks, which has a job of its own: nobody's code waits behind it."""
    _deliver_webhooks()


def wake_queue() -> None:
    """Wake the job that grants free compartments to the queue; give it to `transaction.on_commit`.

    `Compartment`, its queryset, `layout.install` and `Location.resume` call it, so that nobody who frees a
    compartment through them has to remember the queue.
    """
    _grant_queue()
