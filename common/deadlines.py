"""An end to what is done over a connection, however slowly the bytes come.

A time-out of a socket begins anew with each byte: a server that drips them holds its client for hours, past
the lease of a message, which somebody else then sends again.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Iterable


class Watchdog:
    """Cuts a connection at the moment `until` of the steady clock, in the middle of a byte.

    `until` may be moved to a later moment while there is time: a connection that is kept has one watchdog,
    not one for each message. It must be closed with its connection.
    """

    def __init__(self, sock: socket.socket, until: float) -> None:
        self.until = until
        self.has_cut = False
        # TLS takes the socket over and leaves the object empty; this one cuts the same connection.
        self._guard = socket.socket(fileno=os.dup(sock.fileno()))
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def close(self) -> None:
        """The connection is cut no more."""
        self._closed.set()

    def _watch(self) -> None:
        # Nobody else touches the second socket: a number that was closed could be another connection's.
        with self._guard:
            while (left := self.until - time.monotonic()) > 0:
                if self._closed.wait(left):
                    return
            self.has_cut = True
            with contextlib.suppress(OSError):  # it has ended by itself
                self._guard.shutdown(socket.SHUT_RDWR)


def reach(addresses: Iterable[str], port: int, until: float, longest: float | None = None) -> socket.socket:
    """A connection to the first of `addresses` that answers. Raises `OSError`; at `until`, `TimeoutError`.

    `longest`: seconds that one address may take.
    """
    failure: OSError = TimeoutError()
    for address in addresses:
        left = time_left(until)
        try:
            return socket.create_connection((address, port), left if longest is None else min(left, longest))
        except OSError as error:
            failure = error
    raise failure


def addresses_of(host: str) -> list[str]:
    """What `host` means at present, in the resolver's order. Raises `OSError`."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def time_left(until: float) -> float:
    """Seconds until that moment of the steady clock. Raises `TimeoutError` when it has passed."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def has_ended(sock: socket.socket) -> bool:
    """Whether the other side of an idle connection has said goodbye: one that waits for us is silent."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
