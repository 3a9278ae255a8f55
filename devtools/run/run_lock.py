"""One `make run` at a time in one checkout."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from devtools.run.guard import wait_until


class RunError(Exception):
    """The run cannot go on; the message is a sentence for the person at the terminal."""


def lock(var: Path) -> IO[str]:
    """The lock of this checkout. Raises RunError while another run holds it.

    The guard of a killed run holds it until everything has ended: that is waited for.
    """
    opened = (var / "run.lock").open("a+")
    if not wait_until(lambda: _locked(opened) or _holder_lives(var), 30.0) or not _locked(opened):
        holder = (var / "run.lock").read_text() or "starting"
        opened.close()
        raise RunError(f"It is running here already ({holder}).")
    return opened


def _locked(opened: IO[str]) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder_lives(var: Path) -> bool:
    """Whether the process that wrote its id into the lock file is there; True while it has not written it."""
    words = (var / "run.lock").read_text().replace(",", "").split()
    return len(words) < 2 or Path("/proc", words[1]).exists()
