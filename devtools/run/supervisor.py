"""`make run`: the whole portal on one machine, for development and demonstration.

Starts PostgreSQL and Valkey (unless DATABASE_URL and REDIS_URL are set), migrates, creates the sample
network, starts the portal's processes, restarts those that die, and stops all of them on Ctrl-C. If this
process is killed, the reaper stops them (`devtools/run/reaper.py`).
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from devtools.run import environment as development
from devtools.run import startup_message
from devtools.run.portal_commands import command, with_python
from devtools.run.reaper import FIRST, LAST, Reaper
from devtools.run.run_lock import RunError, lock
from devtools.servers import embedded, processes
from devtools.servers.errors import EmbeddedError
from devtools.servers.processes import group_members, wait_until

BASE_DIR = Path(__file__).resolve().parents[2]
_READY_SECONDS = 40.0
_MAX_RESTARTS, _WITHIN_SECONDS = 5, 60.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy for loopback
_STOP = [(signal.SIGTERM, 12.0)]


@dataclass
class Child:
    """One of the portal's own processes."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None


class Supervisor:
    """Starts, watches and stops the portal's processes; its files are in `var`."""

    def __init__(self, var: Path, port: int) -> None:
        self.var = var
        self.port = port
        self.servers: embedded.Servers | None = None
        self.environment: dict[str, str] = {}
        self.deaths: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_MAX_RESTARTS))
        self.children = [Child(name, command(name)) for name in ("web", "worker", "webhooks", "beat")]

    def run(self) -> NoReturn:
        """Run the portal until KeyboardInterrupt (any request to stop) or RunError."""
        _require_free_port(self.port)
        self.reaper = Reaper()
        try:
            self._start_servers()
            self._manage("Migrating the database", "migrate", "--noinput")
            self._manage("Creating the sample network", "seed_demo")
            say("Starting web server, workers and beat", end=" … ")
            begun = time.monotonic()
            for child in self.children:
                self._start(child)
            self._wait_ready()
            say(f"{time.monotonic() - begun:.1f} s")
            say(startup_message.text(f"http://127.0.0.1:{self.port}", self.var))
            while True:
                self._restart_dead()
                time.sleep(0.5)
        finally:
            self._stop_all()

    def log(self, name: str) -> Path:
        """Return the log file of process `name`."""
        return self.var / "log" / f"{name}.log"

    # --- starting ---

    def _start_servers(self) -> None:
        dotenv = BASE_DIR / ".env"
        given = {**development.read(dotenv), **os.environ}
        names = ("DATABASE_URL", "REDIS_URL")
        urls = {name: given[name] for name in names if given.get(name)}
        if len(urls) == 1:
            raise RunError(
                "Set both DATABASE_URL and REDIS_URL, or neither, to have servers started for you."
            )
        if urls:
            say("Using PostgreSQL and Redis from DATABASE_URL and REDIS_URL.")
        else:
            say("Starting PostgreSQL and Valkey", end=" … ")
            begun = time.monotonic()
            self.servers = embedded.Servers(self.var)
            self.servers.start()
            self._watch_servers()
            urls = {"DATABASE_URL": self.servers.database_url, "REDIS_URL": self.servers.redis_url}
            say(f"{time.monotonic() - begun:.1f} s")
            if self.servers.home != self.servers.folder:
                say(f"  (their user cannot reach this folder, so the data are in {self.servers.home})")
        urls["PUBLIC_URL"] = f"http://127.0.0.1:{self.port}"
        given_to_django = development.environment(self.var / "env", dotenv, urls)
        self.environment = with_python({**given_to_django, "HOST": "127.0.0.1", "PORT": str(self.port)})
        if dotenv.is_file():
            say(f"  (manage.py in another terminal reads {dotenv} instead of {self.var / 'env'})")

    def _watch_servers(self) -> None:
        for server in (self.servers.postgres, self.servers.valkey) if self.servers else ():
            if server is not None:
                is_postgres = self.servers is not None and server is self.servers.postgres
                stop_signal = signal.SIGINT if is_postgres else signal.SIGTERM
                self.reaper.watch(server.pid, turn=LAST, stop_signal=stop_signal)

    def _manage(self, activity: str, *arguments: str) -> None:
        """Run one management command to its end."""
        say(activity, end=" … ")
        begun = time.monotonic()
        log = self.log(arguments[0])
        process = self._spawn([sys.executable, "manage.py", *arguments], log)
        self.reaper.watch(process.pid, turn=FIRST, stop_signal=signal.SIGTERM)
        try:
            status = process.wait()
        finally:
            processes.stop(process, _STOP)
            self.reaper.forget(process.pid)
        if status != 0:
            raise RunError(f"\nmanage.py {arguments[0]} failed; the last lines of {log}:\n{_tail(log)}")
        say(f"{time.monotonic() - begun:.1f} s")

    def _start(self, child: Child) -> None:
        child.process = self._spawn(child.command, self.log(child.name))
        self.reaper.watch(child.process.pid, turn=FIRST, stop_signal=signal.SIGTERM)

    def _spawn(self, arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as opened:
            return processes.spawn(
                arguments, log=opened, death_signal=signal.SIGTERM, cwd=BASE_DIR, env=self.environment
            )

    def _wait_ready(self) -> None:
        if not wait_until(self._ready, _READY_SECONDS):
            raise RunError(
                f"\nThe portal is not ready; the last lines of {self.log('web')}:\n{_tail(self.log('web'))}"
            )

    def _ready(self) -> bool:
        self._restart_dead()
        try:
            with _OPENER.open(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    # --- watching ---

    def _restart_dead(self) -> None:
        """Restart processes that have died. Raises RunError if one dies again and again."""
        if self.servers is not None:
            self._restart_server_if_dead("postgres", self.servers.postgres, self.servers.start_postgres)
            self._restart_server_if_dead("valkey", self.servers.valkey, self.servers.start_valkey)
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self._end_group(child)
                self._record_death(child.name, child.process)
                self._start(child)

    def _restart_server_if_dead(
        self, name: str, server: subprocess.Popen[bytes] | None, start: Callable[[], None]
    ) -> None:
        if server is not None and server.poll() is not None:
            self.reaper.forget(server.pid)
            self._record_death(name, server)
            start()
            self._watch_servers()

    def _record_death(self, name: str, process: subprocess.Popen[bytes]) -> None:
        log, deaths = self.log(name), self.deaths[name]
        deaths.append(time.monotonic())
        if len(deaths) == _MAX_RESTARTS and deaths[-1] - deaths[0] < _WITHIN_SECONDS:
            raise RunError(f"{name} keeps dying; the last lines of {log}:\n{_tail(log)}")
        say(f"{name} ended with status {process.returncode}; restarting it ({log})")

    # --- stopping ---

    def _end_group(self, child: Child) -> None:
        """Kill the processes that `child` started and left behind."""
        if child.process is not None:
            group = child.process.pid
            for pid in group_members([group]):
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not group_members([group]), 5.0)
            self.reaper.forget(group)

    def _stop_all(self) -> None:
        """Stop in order: requests and jobs first, then the servers. Another Ctrl-C changes nothing."""
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        running = [child for child in self.children if child.process is not None]
        if running:
            say("\nStopping", end=" … ")
        for child in running:
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        for child in running:
            if child.process is not None:
                processes.stop(child.process, _STOP)
                self._end_group(child)
        if self.servers is not None:
            self.servers.stop()
        self.reaper.dismiss()
        if running:
            say("all stopped.")


_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(text: str, *, end: str = "\n") -> None:
    """Print text for the person at the terminal, without buffering."""
    try:
        sys.stdout.write(text + end)
        sys.stdout.flush()
    except OSError:  # the terminal is gone, but the portal runs on
        return


def _tail(file: Path, lines: int = 25) -> str:
    return "\n".join(file.read_text(errors="replace").splitlines()[-lines:]) if file.is_file() else ""


def _require_free_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise RunError(
                f"Port {port} is in use ({error.strerror}). Choose another: make run PORT={port + 1}"
            ) from None


def run(var: Path, port: int) -> int:
    """Run until a request to stop; return the exit status."""
    (var / "log").mkdir(parents=True, exist_ok=True)
    with lock(var) as lock_file:
        lock_file.truncate(0)
        lock_file.write(f"process {os.getpid()}, http://127.0.0.1:{port}")
        lock_file.flush()
        for old in (var / "log").glob("*.log"):
            old.replace(old.with_suffix(".log.old"))
        try:
            Supervisor(var, port).run()
        except KeyboardInterrupt:
            return 0


def reset(var: Path) -> int:
    """Delete everything in `var` and return the exit status."""
    if var.is_dir():
        with lock(var):
            embedded.discard(var)
    say("The data are deleted. The next `make run` starts from scratch.")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m devtools.run.supervisor")
    parser.add_argument("command", choices=["run", "reset"])
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--stop-with-parent", action="store_true", help="stop when the parent process is killed"
    )
    options = parser.parse_args(arguments)
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.default_int_handler)
    if options.stop_with_parent:
        processes.stop_with_parent(signal.SIGTERM)
    var = BASE_DIR / "var"
    try:
        return run(var, options.port) if options.command == "run" else reset(var)
    except (RunError, EmbeddedError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
