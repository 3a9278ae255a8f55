"""Django's PostgreSQL backend, with a limit on how long a web request waits for an unresponsive server.

The server enforces `statement_timeout`, so it does not help if the server is frozen or its machine is gone:
then the client must give up. Only web requests do (see `DatabaseUnavailableMiddleware`). A worker that has
just sent a message waits, so that it can record that.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from django.db.backends.postgresql import base
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

T = TypeVar("T")

JUST_NOW_SECONDS = 1.0
CHECK_SECONDS = 1.0  # to check a persistent connection before it is used again
MAX_CONNECT_SECONDS = 5.0  # longer than any attempt to connect (`connect_timeout`)
FULL_WAIT_SHARE = 0.9  # of the time limit: a server that answers at all has answered by then
RETRY_PAUSE_SECONDS = 0.5  # between two attempts while the server does not answer

# A page with many quick queries may exceed its time limit; each further query may still take so long.
MIN_WAIT_SECONDS = 0.25

_time_limit: ContextVar[TimeLimit | None] = ContextVar("database time limit", default=None)


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """How long to wait for the database in total."""

    seconds: float
    ends: float  # on the monotonic clock

    def left(self) -> float:
        """Return how many seconds the next answer may take."""
        return max(self.ends - time.monotonic(), min(MIN_WAIT_SECONDS, self.seconds))


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Limit the total time that the block waits for the database; past it, OperationalError is raised.

    The limit is on the total, because a request may wait for several locks, for each almost as long as
    allowed.
    """
    token = _time_limit.set(TimeLimit(seconds, time.monotonic() + seconds))
    try:
        yield
    finally:
        _time_limit.reset(token)


class Outage:
    """Whether the server has stopped answering, shared by the threads of this process."""

    def __init__(self) -> None:
        self.next_try = 0.0  # on the monotonic clock; 0 while the server answers

    def begin(self) -> None:
        """Note that the server did not answer in time; wait a moment before the next attempt."""
        self.next_try = time.monotonic() + RETRY_PAUSE_SECONDS

    def end(self) -> None:
        """Note that the server responded."""
        self.next_try = 0.0

    def check(self) -> None:
        """Check before connecting. Raises OperationalError if the server has just not answered.

        One web request at a time tries whether the server answers again, and the others fail at once: if they
        took turns, the last one would wait for a long time.
        """
        now = time.monotonic()
        if self.next_try and now < self.next_try and _time_limit.get() is not None:
            raise psycopg.OperationalError("the database did not answer a moment ago")
        if self.next_try:
            self.next_try = now + MAX_CONNECT_SECONDS


outage = Outage()


class Connection(psycopg.Connection[Any]):
    """A connection that waits no longer than `time_limit` allows."""

    answered_at = float("-inf")  # on the monotonic clock

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait like psycopg, and close a connection whose answer may still come after the wait."""
        limit = _time_limit.get()
        left = limit.left() if timeout is None and limit is not None else timeout
        try:
            answer = super().wait(gen, interval, left)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()
                # A request that had already used up its time tells us nothing about the server.
                if limit is None or left is None or left >= limit.seconds * FULL_WAIT_SHARE:
                    outage.begin()
            raise
        self.answered_at = time.monotonic()
        return answer

    def answered_just_now(self) -> bool:
        """Return whether it answered within the last second and has no unread data, as after a shutdown."""
        if self.closed or time.monotonic() - self.answered_at > JUST_NOW_SECONDS:
            return False
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return not poll.poll(0)


class DatabaseWrapper(base.DatabaseWrapper):
    """The backend that `DATABASES` names."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a `Connection`. Django has no setting for the class, which only differs in `wait`."""
        outage.check()
        try:
            connection = super().get_new_connection(conn_params)
        except psycopg.errors.ConnectionTimeout:
            outage.begin()
            raise
        except psycopg.Error:
            outage.end()
            raise
        outage.end()
        connection.__class__ = Connection
        return connection

    def is_usable(self) -> bool:
        """Return whether a persistent connection still answers; one that just answered is not checked."""
        current = self.connection
        if isinstance(current, Connection) and current.answered_just_now() and not outage.next_try:
            return True
        with time_limit(CHECK_SECONDS):
            return bool(super().is_usable())
