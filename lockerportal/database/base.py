"""Django's PostgreSQL backend; a web request does not wait for ever for a server that has stopped answering.

`statement_timeout` is kept by the server, so it does not help against a server that is frozen or whose
machine has gone without a word: there the client must give up. Only web requests do (see
`DatabaseAwayMiddleware`); a worker that has just sent a message rather waits, to write that down.
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
CHECK_SECONDS = 1.0  # for "are you there?" before a kept connection is used again
LONGEST_TRY_SECONDS = 5.0  # an attempt to connect has ended by then (`connect_timeout`)
WHOLE_WAIT = 0.9  # of the patience: a server that answers at all has answered in that time
PAUSE_SECONDS = 0.5  # between two attempts while the server does not answer

# A page of many quick answers may take longer than its patience; each further answer is waited for so long.
LAST_WAIT_SECONDS = 0.25

_patience: ContextVar[Patience | None] = ContextVar("database patience", default=None)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the database is waited for, in all."""

    seconds: float
    ends: float  # on the steady clock

    def left(self) -> float:
        """Seconds that the next answer may take."""
        return max(self.ends - time.monotonic(), min(LAST_WAIT_SECONDS, self.seconds))


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """In this block the database is waited for so long at most, in all; then OperationalError.

    In all, because a request may wait for several locks in turn, each nearly as long as it may.
    """
    token = _patience.set(Patience(seconds, time.monotonic() + seconds))
    try:
        yield
    finally:
        _patience.reset(token)


class Silence:
    """Whether the server has stopped answering, as the threads of this process know it."""

    def __init__(self) -> None:
        self.next_try = 0.0  # on the steady clock; 0 while it answers

    def noticed(self) -> None:
        """It did not answer in time: leave it alone for a moment."""
        self.next_try = time.monotonic() + PAUSE_SECONDS

    def over(self) -> None:
        """It said something."""
        self.next_try = 0.0

    def enter(self) -> None:
        """Call this before connecting.

        One web request at a time finds out whether the server answers again, and the others are refused at
        once with OperationalError: waiting by turns would keep the last one waiting for long.
        """
        now = time.monotonic()
        if self.next_try and now < self.next_try and _patience.get() is not None:
            raise psycopg.OperationalError("the database did not answer a moment ago")
        if self.next_try:
            self.next_try = now + LONGEST_TRY_SECONDS


silence = Silence()


class Connection(psycopg.Connection[Any]):
    """Waits no longer than `patience` says."""

    answered_at = float("-inf")  # on the steady clock

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """As psycopg's; a connection whose answer was not waited for is closed, it could come later."""
        patient = _patience.get()
        left = patient.left() if timeout is None and patient is not None else timeout
        try:
            answer = super().wait(gen, interval, left)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()
                # Whose patience was used up before says nothing about the server.
                if patient is None or left is None or left >= patient.seconds * WHOLE_WAIT:
                    silence.noticed()
            raise
        self.answered_at = time.monotonic()
        return answer

    def answered_just_now(self) -> bool:
        """Whether it answered within the last second, and nothing has come since (as a server's end does)."""
        if self.closed or time.monotonic() - self.answered_at > JUST_NOW_SECONDS:
            return False
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return not poll.poll(0)


class DatabaseWrapper(base.DatabaseWrapper):
    """The backend that `DATABASES` names."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A `Connection`. (Django has no setting for the class; the two differ in nothing but `wait`.)"""
        silence.enter()
        try:
            connection = super().get_new_connection(conn_params)
        except psycopg.errors.ConnectionTimeout:
            silence.noticed()
            raise
        except psycopg.Error:
            silence.over()
            raise
        silence.over()
        connection.__class__ = Connection
        return connection

    def is_usable(self) -> bool:
        """Whether a kept connection still answers; a busy one is not asked before each request."""
        kept = self.connection
        if isinstance(kept, Connection) and kept.answered_just_now() and not silence.next_try:
            return True
        with patience(CHECK_SECONDS):
            return bool(super().is_usable())
