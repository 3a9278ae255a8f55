"""The folder that embedded servers keep their data in: one user at a time, its passwords, its ports."""

from __future__ import annotations

import contextlib
import fcntl
import json
import secrets
import shutil
import socket
from pathlib import Path
from typing import IO

from devtools.servers import binaries
from devtools.servers.binaries import EmbeddedError, write_private


class ServerFolder:
    """A folder that is ours from here until `close`, also against other processes."""

    def __init__(self, path: Path) -> None:
        """Make it where it is missing. Raises EmbeddedError where servers run in it already."""
        self.path = path.resolve()
        if not self.path.exists():
            self.path.mkdir(parents=True)
            self.path.chmod(0o711)  # what is private in it has a mode of its own
        (self.path / "log").mkdir(exist_ok=True)
        self._lock = _lock(self.path, "Servers are running in {} already.")
        self._file = self.path / "servers.json"
        self._state: dict[str, str] = {}
        with contextlib.suppress(FileNotFoundError):
            self._state = json.loads(self._file.read_text())

    def close(self) -> None:
        """Give it free; a second time is harmless."""
        self._lock.close()

    def log(self, name: str) -> Path:
        """The log file of a server."""
        return self.path / "log" / f"{name}.log"

    def password(self, server: str) -> str:
        """The password of a server: made once, in a file that only its owner can read."""
        return self._get(f"{server}_password") or self._set(f"{server}_password", secrets.token_urlsafe(24))

    def port(self, server: str) -> int:
        """The port that a server has, or had last time."""
        return int(self._state[f"{server}_port"])

    def choose_port(self, server: str, *, anew: bool) -> int:
        """The port of the last time where it is free, so that a client's URL stays good; else a free one."""
        known = self._get(f"{server}_port")
        if anew or known is None or not is_free(int(known)):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._set(f"{server}_port", str(probe.getsockname()[1]))
        return self.port(server)

    def _get(self, name: str) -> str | None:
        return self._state.get(name)

    def _set(self, name: str, value: str) -> str:
        self._state[name] = value
        write_private(self._file, json.dumps(self._state))
        return value


def discard(folder: Path) -> None:
    """Delete a folder of stopped servers with all its data. Raises EmbeddedError while they run."""
    if folder.is_dir():
        with _lock(folder, "Servers are running in {}: stop them first."):
            binaries.discard_home(folder.resolve())
            shutil.rmtree(folder)


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _lock(folder: Path, refusal: str) -> IO[str]:
    lock = (folder / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise EmbeddedError(refusal.format(folder)) from None
    return lock
