"""Hard deadline for an operation on a connection, even if bytes keep trickling in.

The timeout of a socket starts again with each byte. A server that sends its bytes slowly could keep a client
busy for hours, past the lease of its message, which another worker would then send again.
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
    """Shuts a connection down at the time `until` of the monotonic clock, whatever is under way.

    `until` may be moved to a later time before it has passed, so that a connection that is kept open needs
    one watchdog, not one for each message. Close it together with its connection.
    """

    def __init__(self, sock: socket.socket, until: float) -> None:
        self.until = until
        self.has_cut = False
        # TLS takes over the socket and leaves its object empty; a duplicate shuts down the same connection.
        self._guard = socket.socket(fileno=os.dup(sock.fileno()))
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def close(self) -> None:
        """Stop watching the connection."""
        self._closed.set()

    def _watch(self) -> None:
        # Only this thread uses the duplicate: the number of a closed socket could belong to another
        # connection.
        with self._guard:
            while (left := self.until - time.monotonic()) > 0:
                if self._closed.wait(left):
                    return
            self.has_cut = True
            with contextlib.suppress(OSError):  # the connection has ended by itself
                self._guard.shutdown(socket.SHUT_RDWR)


def reach(addresses: Iterable[str], port: int, until: float, longest: float | None = None) -> socket.socket:
    """Return a connection to the first of `addresses` that responds.

    `longest` is the number of seconds that one address may take. Raises `OSError`, or `TimeoutError` when
    `until` has passed.
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
    """Return the current addresses of `host`, in the resolver's order. Raises `OSError`."""
    results = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in results))


def time_left(until: float) -> float:
    """Return the seconds until that time of the monotonic clock. Raises `TimeoutError` if it has passed."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def has_ended(sock: socket.socket) -> bool:
    """Return whether the other side has closed an idle connection: an open one has nothing to read."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
