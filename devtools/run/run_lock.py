"""One `make run` at a time in one checkout."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from devtools.servers.processes import wait_until


class RunError(Exception):
    """The run cannot go on; the message is a sentence for the person at the terminal."""


def lock(var: Path) -> IO[str]:
    """Return the lock of this checkout. Raises RunError while another run owns it.

    After a run was killed, its reaper owns the lock until everything has ended; this waits for it.
    """
    opened = (var / "run.lock").open("a+")
    if not wait_until(lambda: _locked(opened) or _owner_lives(var), 30.0) or not _locked(opened):
        owner = (var / "run.lock").read_text() or "starting"
        opened.close()
        raise RunError(f"Locker Portal is already running in this checkout ({owner}).")
    return opened


def _locked(opened: IO[str]) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner_lives(var: Path) -> bool:
    """Return whether the process named in the lock file lives; True if none is named yet."""
    words = (var / "run.lock").read_text().replace(",", "").split()
    return len(words) < 2 or Path("/proc", words[1]).exists()


def running_at(var: Path) -> str | None:
    """Return the address of the portal that runs in this checkout, or None."""
    file = var / "run.lock"
    if not file.is_file():
        return None
    with file.open("a+") as opened:
        if _locked(opened):
            return None
        opened.seek(0)
        return opened.read().rpartition(" ")[2] or None
