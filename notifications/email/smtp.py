"""Django's SMTP backend with a deadline for each message, over one connection for many messages."""

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

# For one message in all: connecting, TLS, login, and the message itself. Below `leases.SEND_LIMIT`.
SECONDS = 25.0


class _Session(smtplib.SMTP):
    """A connection that is cut at `until`; with a `context`, in TLS from the first byte."""

    def __init__(
        self, *args: Any, until: float | None, context: ssl.SSLContext | None = None, **options: Any
    ) -> None:
        self.until = time.monotonic() + SECONDS if until is None else until
        self.watchdog: Watchdog | None = None
        self._context = context
        self._messages = 0  # started so far
        self._handing_over = False  # after DATA it is unknown whether the server has accepted it
        super().__init__(*args, **options)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Connect; this is the hook that smtplib's own TLS uses too."""
        sock = reach(addresses_of(host), port, self.until, timeout)
        sock.settimeout(timeout)
        self.watchdog = Watchdog(sock, self.until)
        if self._context is None:
            return sock
        try:
            return self._context.wrap_socket(sock, server_hostname=host)
        except BaseException:
            self.watchdog.close()  # no caller gets this session, so none could close it
            raise

    def mail(self, sender: str, options: Sequence[str] = ()) -> tuple[int, bytes]:
        """Start a message."""
        self._messages += 1
        self._handing_over = False
        return super().mail(sender, options)

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Send the message itself."""
        self._handing_over = True
        return super().data(msg)

    def close(self) -> None:
        """Close the connection and its watchdog."""
        if self.watchdog is not None:
            self.watchdog.close()
        super().close()

    def extend(self, until: float) -> None:
        """Give another message time until `until`."""
        self.until = until
        if self.watchdog is not None:
            self.watchdog.until = until

    @property
    def was_cut(self) -> bool:
        """Return whether it was cut because time was up."""
        return self.watchdog is not None and self.watchdog.has_cut

    @property
    def has_ended(self) -> bool:
        """Return whether it accepts no further message."""
        return self.sock is None or self.was_cut or has_ended(self.sock)

    @property
    def ended_before_the_message(self) -> bool:
        """Return whether it worked for an earlier message, and ended before this one was handed over."""
        return self.sock is None and self._messages > 1 and not self._handing_over


class EmailBackend(smtp.EmailBackend):
    """Takes at most `SECONDS` for a message, whatever the server does, if `begin` is called for each."""

    connection: _Session | None
    _until: float | None = None

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        """Return the class with which Django creates its connections."""
        return cast(type[smtplib.SMTP], partial(_Session, until=self._until))

    def begin(self) -> None:
        """Start the time of one message, which includes opening a connection where there is none."""
        self._until = time.monotonic() + SECONDS
        if self.connection is not None:
            if self.connection.has_ended:
                self._hang_up(self.connection)
            else:
                self.connection.extend(self._until)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Send like Django, but over a new connection if the kept one ended before the message.

        Servers limit the messages of one connection, and how long they wait for the next one.
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
