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

PAUSE = 0.05  # seconds between two wake-up calls of one process: several commits share one
EXPIRES = 30.0  # seconds; after that a call is useless, because beat has started the job meanwhile


class Waker:
    """Calls `publish` in a thread of its own, at most once per `pause` seconds, never dropping the last.

    `wake` sets an event and returns, so that a dead or silent broker costs the caller nothing. If a call
    fails, the job still runs when Celery beat starts it.
    """

    def __init__(self, publish: Callable[[], None], *, pause: float = PAUSE) -> None:
        self._publish = publish
        self._pause = pause
        self._wanted = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failing = False

    def wake(self) -> None:
        """Ask for a call of `publish` soon."""
        if self._thread is None:
            with self._start:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="wakeup", daemon=True)
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
                logger.warning("Cannot wake jobs, they wait for Celery beat: %s", type(error).__name__)
            self._failing = True
        else:
            if self._failing:
                logger.warning("Jobs can be woken again")
            self._failing = False


class Wake:
    """Wakes one job soon, in forked processes as well. Costs microseconds and raises nothing."""

    def __init__(self, publish: Callable[[], None]) -> None:
        self._publish = publish
        self._begin()
        # A fork copies the event and the lock in the state that they are in, but not the thread.
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._waker = Waker(self._publish)

    def __call__(self) -> None:
        """Wake the job, unless the setting says otherwise."""
        if settings.NOTIFICATION_NUDGE:
            self._waker.wake()


def job(name: str) -> Callable[[], None]:
    """Return a function that puts the job into its queue; by name, because its module imports this one."""
    return lambda: current_app.send_task(name, retry=False, expires=EXPIRES)


_deliver = Wake(job("notifications.tasks.deliver"))
_deliver_webhooks = Wake(job("notifications.tasks.deliver_webhooks"))
_grant_queue = Wake(job("packages_app.tasks.grant_doors"))


def nudge() -> None:
    """Wake the delivery of emails and SMS; pass it to `transaction.on_commit`."""
    _deliver()


def nudge_webhooks() -> None:
    """Wake the delivery of webhooks, a job of its own so that no pickup code waits behind a slow webhook."""
    _deliver_webhooks()


def wake_queue() -> None:
    """Wake the job that grants free compartments to the queue; pass it to `transaction.on_commit`.

    `Compartment`, its queryset, `layout.install` and `Location.resume` call it, so that nobody who frees a
    compartment through them has to remember the queue.
    """
    _grant_queue()
