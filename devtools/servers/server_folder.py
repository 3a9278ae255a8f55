"""The folder of the embedded servers: a lock, passwords, ports and log files."""

from __future__ import annotations

import contextlib
import fcntl
import json
import secrets
import shutil
import socket
from pathlib import Path
from typing import IO

from devtools.private_file import write_private
from devtools.servers.data_home import discard_home
from devtools.servers.errors import EmbeddedError


class ServerFolder:
    """A folder that only one process uses at a time, until `close`."""

    def __init__(self, path: Path) -> None:
        """Create the folder if it is missing. Raises EmbeddedError if servers run in it already."""
        self.path = path.resolve()
        if not self.path.exists():
            self.path.mkdir(parents=True)
            self.path.chmod(0o711)  # private files in it have their own mode
        (self.path / "log").mkdir(exist_ok=True)
        self._lock = _lock(self.path, "Servers are already running in {}.")
        self._file = self.path / "servers.json"
        self._state: dict[str, str] = {}
        with contextlib.suppress(FileNotFoundError):
            self._state = json.loads(self._file.read_text())

    def close(self) -> None:
        """Release the folder. Calling it twice is harmless."""
        self._lock.close()

    def log(self, name: str) -> Path:
        """Return the log file of a server."""
        return self.path / "log" / f"{name}.log"

    def password(self, server: str) -> str:
        """Return the password of a server; it is created once, in a file that only its owner can read."""
        return self._get(f"{server}_password") or self._set(f"{server}_password", secrets.token_urlsafe(24))

    def port(self, server: str) -> int:
        """Return the port that a server has, or had last time."""
        return int(self._state[f"{server}_port"])

    def choose_port(self, server: str, *, anew: bool) -> int:
        """Choose the port of the last start if it is free, so that URLs stay valid, or another free one."""
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
    """Delete the folder of stopped servers with all its data. Raises EmbeddedError while they run."""
    if folder.is_dir():
        with _lock(folder, "Servers are running in {}: stop them first."):
            discard_home(folder.resolve())
            shutil.rmtree(folder)


def is_free(port: int) -> bool:
    """Return whether no program listens on this port of loopback."""
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
