"""Django's SMTP with an end to each send, over one connection for many messages."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from django.core.mail import EmailMessage
from django.core.mail.backends import smtp

from common.deadlines import Watchdog, addresses_of, has_ended, reach

# For all of one message: connecting, TLS, login, and the message itself. Below `leases.SEND_LIMIT`.
SECONDS = 25.0


class _Session(smtplib.SMTP):
    """One connection, cut at `until`; with a `context` in TLS from its first byte."""

    def __init__(
        self, *args: Any, until: float | None, context: ssl.SSLContext | None = None, **options: Any
    ) -> None:
        self.until = time.monotonic() + SECONDS if until is None else until
        self.watchdog: Watchdog | None = None
        self._context = context
        self._messages = 0  # that were begun
        self._handing_over = False  # from DATA on nobody knows whether the server has taken it
        super().__init__(*args, **options)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """The hook that smtplib's own TLS uses too."""
        sock = reach(addresses_of(host), port, self.until, timeout)
        sock.settimeout(timeout)
        self.watchdog = Watchdog(sock, self.until)
        if self._context is None:
            return sock
        try:
            return self._context.wrap_socket(sock, server_hostname=host)
        except BaseException:
            self.watchdog.close()  # nobody gets this session to close it
            raise

    def mail(self, sender: str, options: Sequence[str] = ()) -> tuple[int, bytes]:
        """A message begins."""
        self._messages += 1
        self._handing_over = False
        return super().mail(sender, options)

    def data(self, msg: Any) -> tuple[int, bytes]:
        """The message itself."""
        self._handing_over = True
        return super().data(msg)

    def close(self) -> None:
        """The connection and its watchdog."""
        if self.watchdog is not None:
            self.watchdog.close()
        super().close()

    def extend(self, until: float) -> None:
        """Another message has time until then."""
        self.until = until
        if self.watchdog is not None:
            self.watchdog.until = until

    @property
    def was_cut(self) -> bool:
        """Whether time was up."""
        return self.watchdog is not None and self.watchdog.has_cut

    @property
    def has_ended(self) -> bool:
        """Whether it takes no further message."""
        return self.sock is None or self.was_cut or has_ended(self.sock)

    @property
    def ended_before_the_message(self) -> bool:
        """Whether it was good for an earlier message, and ended when nothing of this one was handed over."""
        return self.sock is None and self._messages > 1 and not self._handing_over


class EmailBackend(smtp.EmailBackend):
    """Takes no longer than `SECONDS` for a message, whatever the server does, if each one calls `begin`."""

    connection: _Session | None
    _until: float | None = None

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        """What Django makes its connections with."""
        return cast(type[smtplib.SMTP], partial(_Session, until=self._until))

    def begin(self) -> None:
        """The time of one message begins, with that of opening a connection where there is none."""
        self._until = time.monotonic() + SECONDS
        if self.connection is not None:
            if self.connection.has_ended:
                self._hang_up(self.connection)
            else:
                self.connection.extend(self._until)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """As Django does it, and over a new connection where the kept one ended before the message.

        Servers take so many messages over one connection, or wait so long for the next one.
        """
        session = self.connection
        try:
            return super().send_messages(email_messages)
        except OSError as error:
            if session is None or not session.ended_before_the_message:
                raise
            if session.was_cut:
                raise TimeoutError from error
        self._hang_up(session)
        self.open()
        return super().send_messages(email_messages)

    def _hang_up(self, session: _Session) -> None:
        session.close()
        self.connection = None
