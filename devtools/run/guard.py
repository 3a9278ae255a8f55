"""A process that ends what its parent started when the parent is killed without a chance to do so.

The guard is a fork in a session of its own that reads a pipe. The parent tells it each process group that
it starts, and in which turn that group is to end. When the parent is gone, the kernel closes the pipe.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

FIRST, LAST = 0, 1  # what uses the servers ends before the servers


class Guard:
    """The parent's end: `watch` and `forget` process groups, `dismiss` when all has ended well."""

    def __init__(self, *, patience: float = 8.0) -> None:
        """Fork the guard; call this before any thread is started. `patience`: seconds from TERM to KILL."""
        reader, self._writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._writer)
            _run(reader, patience)
        os.close(reader)

    def watch(self, group: int, *, turn: int, ending: signal.Signals) -> None:
        """End process group `group` with `ending` in turn FIRST or LAST, should the parent be killed."""
        os.write(self._writer, f"+ {group} {turn} {int(ending)}\n".encode())

    def forget(self, group: int) -> None:
        """`group` has ended; its number may soon be somebody else's."""
        os.write(self._writer, f"- {group} 0 0\n".encode())

    def dismiss(self) -> None:
        """End the guard; it ends what is still watched."""
        os.close(self._writer)
        os.waitpid(self.pid, 0)


def _run(reader: int, patience: float) -> None:
    """The guard's whole life. Never returns: the code after fork belongs to the parent."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.setsid()  # Ctrl-C and a closed terminal are for the parent
        silence = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(silence, descriptor)
        groups: dict[int, tuple[int, int]] = {}
        with os.fdopen(reader) as orders:
            for order in orders:
                sign, group, turn, ending = order.split()
                if sign == "+":
                    groups[int(group)] = (int(turn), int(ending))
                else:
                    groups.pop(int(group), None)
        for now in (FIRST, LAST):
            _end({group: ending for group, (its, ending) in groups.items() if its == now}, patience)
    finally:
        os._exit(0)


def _end(groups: dict[int, int], patience: float) -> None:
    for group, ending in groups.items():
        _signal(group, ending)
    if not _all_end(groups, patience):
        for group in groups:
            _signal(group, signal.SIGKILL)
        _all_end(groups, patience)


def _signal(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _all_end(groups: Iterable[int], patience: float) -> bool:
    return wait_until(lambda: not (members(groups)), patience)


def wait_until(done: Callable[[], bool], patience: float) -> bool:
    """Whether `done` came true within `patience` seconds."""
    deadline = time.monotonic() + patience
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def members(groups: Iterable[int]) -> set[int]:
    """Ids of the living processes in any of the process groups; a zombie is not alive."""
    wanted = set(groups)
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                # The name in brackets may itself hold spaces and brackets; state and group stand after it.
                state, _, group, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
            except (OSError, ValueError):
                continue
            if int(group) in wanted and state != "Z":
                found.add(int(entry.name))
    return found
