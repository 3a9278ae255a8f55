"""A whole portal of its own: durable servers, web, worker, beat and providers, all of it to be killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from devtools.run.portal_commands import command, with_python
from devtools.servers import embedded, processes
from devtools.servers.processes import group_members
from tests.chaos.sinks import Sinks

BASE_DIR = Path(__file__).resolve().parents[2]
# CHAOS_LONG=1 keeps outages as long as the promises speak of (up to ten minutes); the usual run is shorter.
LONG = bool(os.environ.get("CHAOS_LONG"))


def wait_until(done: Callable[[], Any], seconds: float, what: str) -> float:
    """Wait until `done` is true and return how many seconds it took; fails with `what` after `seconds`."""
    begun = time.monotonic()
    while not done():
        if time.monotonic() - begun > seconds:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.05)
    return time.monotonic() - begun


class Stack:
    """The processes of one portal, by name; each in a process group of its own that can be killed whole."""

    def __init__(self, folder: Path, servers: embedded.Servers, sinks: Sinks) -> None:
        self.folder = folder
        self.servers = servers
        self.sinks = sinks
        self.port = _free_port()
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            **with_python(os.environ),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WEB_THREADS": "4",
            "DEBUG": "true",
            "RATE_LIMITS": "true",
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
            "EMAIL_URL": f"smtp://127.0.0.1:{sinks.smtp_port}",
            "SMS_BACKEND": "notifications.sms.http.SmsBackend",
            "SMS_GATEWAY_URL": f"http://127.0.0.1:{sinks.sms_port}/",
        }
        self.manage("migrate", "--noinput")
        made = self.run("-m", "tests.chaos.prepare")
        self.keys: dict[str, Any] = json.loads(made.splitlines()[-1])

    # --- processes ---

    def start(self, *names: str) -> None:
        """Start `web`, `worker`, and any `beat…`, each with its log in the stack's folder."""
        for name in names:
            with self.log(name).open("ab") as log:
                self.running[name] = processes.spawn(
                    _command(name),
                    log=log,
                    death_signal=signal.SIGTERM,
                    cwd=BASE_DIR,
                    env=self.environment,
                )
        if "web" in names:
            wait_until(self._answers, 30, f"the web server answers; see {self.log('web')}")

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def children(self, name: str) -> list[int]:
        """Ids of the living processes that `name` has started."""
        return sorted(group_members([self.running[name].pid]) - {self.running[name].pid})

    def kill(self, name: str) -> None:
        """`kill -9` of the whole process group at once."""
        os.killpg(self.running[name].pid, signal.SIGKILL)
        self.running.pop(name).wait()

    def alive(self, name: str) -> bool:
        """Whether the process that was started is still the one that runs."""
        return self.running[name].poll() is None

    def stop(self) -> None:
        """Stop what runs, politely first."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            processes.stop(process, [(signal.SIGTERM, 10.0)])
            for pid in group_members([process.pid]):
                os.kill(pid, signal.SIGKILL)

    def log(self, name: str) -> Path:
        """Where `name` writes to."""
        return self.folder / f"{name}.log"

    # --- servers ---

    def kill_postgres(self) -> None:
        """`kill -9` of the postmaster and all its processes at once; returns when they have gone."""
        assert self.servers.postgres is not None
        for pid in self.postgres_processes():
            os.kill(pid, signal.SIGKILL)
        self.servers.postgres.wait()

    def postgres_processes(self) -> list[int]:
        """The postmaster first, so that it starts nothing new while the others are signalled."""
        assert self.servers.postgres is not None
        postmaster = self.servers.postgres.pid
        others = set(processes.working_in((self.servers.home / "postgres").resolve())) - {postmaster}
        return [postmaster, *sorted(others)]

    def kill_valkey(self) -> None:
        """`kill -9` of Valkey."""
        assert self.servers.valkey is not None
        self.servers.valkey.kill()
        self.servers.valkey.wait()

    # --- looking at it from outside ---

    def run(self, *arguments: str) -> str:
        """Run Python with the stack's environment and return what it says. Fails when it fails."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def manage(self, *arguments: str) -> str:
        """One management command."""
        return self.run("manage.py", *arguments)

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        """A connection of the test's own; commits at the end of the block."""
        with psycopg.connect(self.servers.database_url, row_factory=dict_row) as connection:
            yield connection

    def rows(self, sql: str, *params: object) -> list[dict[str, Any]]:
        """What a statement returns."""
        with self.database() as connection:
            return connection.execute(sql, params).fetchall()

    def value(self, sql: str, *params: object) -> Any:
        """The one value that a statement returns."""
        (row,) = self.rows(sql, *params)
        (value,) = row.values()
        return value

    def unsent(self) -> int:
        """How many messages are still on their way."""
        return int(
            self.value(
                "SELECT count(*) FROM notifications_notification WHERE status IN ('pending', 'sending')"
            )
        )


@contextmanager
def portal(folder: Path) -> Iterator[Stack]:
    """A portal with servers that wait for the disk, prepared and not yet started; ends with the block."""
    folder.chmod(0o755)
    with (
        embedded.temporary_servers(durable=True) as servers,
        Sinks(folder / "sink.jsonl") as sinks,
    ):
        stack = Stack(folder, servers, sinks)
        durable = {name: stack.value(f"SHOW {name}") for name in ("fsync", "synchronous_commit")}
        assert durable == {"fsync": "on", "synchronous_commit": "on"}  # else kill -9 proves less
        try:
            yield stack
        finally:
            stack.stop()


def _command(name: str) -> list[str]:
    if name == "worker":
        return command("worker", "--queues", "lockerportal,webhooks")
    return command("beat" if name.startswith("beat") else name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
