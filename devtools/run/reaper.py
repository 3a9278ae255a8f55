"""A process that ends what its parent started if the parent is killed before it can do so itself.

The reaper is a fork in its own session that reads a pipe. The parent tells it each process group that it
starts and whether that group ends first or last. When the parent is gone, the kernel closes the pipe.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable

from devtools.servers.processes import group_members, wait_until

FIRST, LAST = 0, 1  # processes that use the servers end before the servers do


class Reaper:
    """The parent's end of the pipe: `watch` and `forget` process groups, `dismiss` when all have ended."""

    def __init__(self, *, grace_seconds: float = 8.0) -> None:
        """Fork the reaper; call this before any thread starts. It waits `grace_seconds` before SIGKILL."""
        reader, self._writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._writer)
            _run(reader, grace_seconds)
        os.close(reader)

    def watch(self, group: int, *, turn: int, stop_signal: signal.Signals) -> None:
        """If the parent is killed, send `stop_signal` to process group `group` in turn FIRST or LAST."""
        os.write(self._writer, f"+ {group} {turn} {int(stop_signal)}\n".encode())

    def forget(self, group: int) -> None:
        """Stop watching `group`: it has ended, and its number may soon belong to another process."""
        os.write(self._writer, f"- {group} 0 0\n".encode())

    def dismiss(self) -> None:
        """Let the reaper end; it first ends the groups that it still watches."""
        os.close(self._writer)
        os.waitpid(self.pid, 0)


def _run(reader: int, grace_seconds: float) -> None:
    """Run the reaper. Never returns: the code after the fork belongs to the parent."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.setsid()  # Ctrl-C and a closed terminal are for the parent
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        groups: dict[int, tuple[int, int]] = {}
        with os.fdopen(reader) as lines:
            for line in lines:
                sign, group, turn, stop_signal = line.split()
                if sign == "+":
                    groups[int(group)] = (int(turn), int(stop_signal))
                else:
                    groups.pop(int(group), None)
        for current_turn in (FIRST, LAST):
            _end(
                {group: number for group, (its_turn, number) in groups.items() if its_turn == current_turn},
                grace_seconds,
            )
    finally:
        os._exit(0)


def _end(groups: dict[int, int], grace_seconds: float) -> None:
    for group, stop_signal in groups.items():
        _send(group, stop_signal)
    if not _wait_for_end(groups, grace_seconds):
        for group in groups:
            _send(group, signal.SIGKILL)
        _wait_for_end(groups, grace_seconds)


def _send(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _wait_for_end(groups: Iterable[int], seconds: float) -> bool:
    return wait_until(lambda: not group_members(groups), seconds)
