"""The embedded servers are real, durable, private, and gone when their parent is."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devtools.run.guard import wait_until
from devtools.servers import binaries, embedded, processes

BASE = Path(__file__).resolve().parents[3]
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root drops to another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for servers that any user can reach."""
    place = Path(tempfile.mkdtemp(prefix="locker-portal-test-"))
    place.chmod(0o711)
    yield place
    embedded.discard(place)


@pytest.fixture
def hidden(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody but its owner can reach, thrown away with what lies elsewhere for it."""
    tmp_path.chmod(0o700)
    yield tmp_path / "var"
    embedded.discard(tmp_path / "var")


def ask(url: str, query: str) -> str:
    """One value from PostgreSQL."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return str(row[0])


def run(url: str, statement: str) -> None:
    """One committed statement."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        connection.execute(statement.encode())


def test_real_durable_and_on_loopback_only(folder: Path) -> None:
    """The settings that tests of lost power and lost wake-ups rely on."""
    with embedded.servers(folder) as servers:
        settings = {
            name: ask(servers.database_url, f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses")
        }
        broker = redis.Redis.from_url(servers.redis_url)
        config = broker.config_get("*")
        broker.close()
    assert settings == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "listen_addresses": "127.0.0.1",
    }
    assert (config["maxmemory-policy"], config["bind"]) == ("noeviction", "127.0.0.1")


def test_a_second_start_finds_data_and_addresses(folder: Path) -> None:
    """A URL in a second terminal stays good, and what was written is there."""
    with embedded.servers(folder) as servers:
        first = servers.database_url, servers.redis_url
        run(servers.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
        with contextlib.closing(redis.Redis.from_url(servers.redis_url)) as broker:
            broker.set("kept", "42")
    with embedded.servers(folder) as servers:
        assert (servers.database_url, servers.redis_url) == first
        assert ask(servers.database_url, "SELECT answer FROM kept") == "42"
        with contextlib.closing(redis.Redis.from_url(servers.redis_url)) as broker:
            assert broker.get("kept") == b"42"


def test_passwords_are_needed_and_private(folder: Path) -> None:
    """Other users of the machine can connect to loopback, so the password is all there is."""
    with embedded.servers(folder, durable=False) as servers:
        secrets = json.loads((folder / "servers.json").read_text())
        assert stat.S_IMODE((folder / "servers.json").stat().st_mode) == 0o600
        for server in (servers.postgres, servers.valkey):
            assert server is not None
            arguments = Path(f"/proc/{server.pid}/cmdline").read_text()
            assert not any(secrets[name] in arguments for name in ("postgres_password", "valkey_password"))
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            ask(servers.database_url.replace(secrets["postgres_password"], "wrong"), "SELECT 1")
        anybody = redis.Redis(port=int(secrets["valkey_port"]), retry=Retry(NoBackoff(), 0))
        with pytest.raises(redis.AuthenticationError), contextlib.closing(anybody):
            anybody.ping()


def test_a_folder_serves_one_at_a_time(folder: Path) -> None:
    """Neither a second start nor a deletion is possible while the servers run."""
    with embedded.servers(folder, durable=False) as servers:
        with pytest.raises(binaries.EmbeddedError, match="already"):
            embedded.Servers(folder).start()
        with pytest.raises(binaries.EmbeddedError, match="stop them first"):
            embedded.discard(folder)
        assert ask(servers.database_url, "SELECT 1") == "1"


def test_a_taken_port_is_given_up(folder: Path) -> None:
    """Another program may have taken the port of the last start."""
    with embedded.servers(folder, durable=False) as servers:
        url = servers.database_url
    state = json.loads((folder / "servers.json").read_text())
    taken = socket.create_server(("127.0.0.1", int(state["postgres_port"])))
    with taken, embedded.servers(folder, durable=False) as servers:
        assert servers.database_url != url
        assert ask(servers.database_url, "SELECT 1") == "1"


@pytest.mark.parametrize("left", ["", "1\n", "OURS\n/somewhere\n"])
def test_a_stale_lock_file_is_no_hindrance(folder: Path, left: str) -> None:
    """After a lost machine: cut short, or naming an id that is now somebody else's."""
    with embedded.servers(folder, durable=False) as servers:
        home = servers.home
    (home / "postgres" / "postmaster.pid").write_text(left.replace("OURS", str(os.getpid())))
    with embedded.servers(folder, durable=False) as servers:
        assert ask(servers.database_url, "SELECT 1") == "1"


@pytest.mark.chaos
def test_postgres_killed_loses_nothing_committed(folder: Path) -> None:
    """`kill -9` of the server, and it starts again on the same address."""
    with embedded.servers(folder) as servers:
        url = servers.database_url
        run(url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
        assert servers.postgres is not None
        servers.postgres.kill()
        servers.postgres.wait()
        servers.start_postgres()
        assert servers.database_url == url
        assert ask(url, "SELECT count(*) FROM kept") == "1000"


@pytest.mark.chaos
def test_servers_end_with_a_killed_parent(folder: Path) -> None:
    """`kill -9` of the parent leaves no process behind, and the folder starts again at once."""
    code = f"""
        import sys, time
        from pathlib import Path
        from devtools.servers import embedded
        with embedded.servers(Path({str(folder)!r})) as servers:
            print(servers.postgres.pid, servers.valkey.pid, flush=True)
            time.sleep(600)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(command, cwd=BASE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        parent.kill()
    with embedded.servers(folder) as servers:
        assert ask(servers.database_url, "SELECT 1") == "1"
    assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 10)


@as_root
def test_root_hands_the_servers_to_a_user_without_rights(hidden: Path) -> None:
    """PostgreSQL refuses root; no mode of anybody's folder is changed for it."""
    before = [path.stat().st_mode for path in hidden.parents]
    with embedded.servers(hidden, durable=False) as servers:
        assert servers.home != hidden.resolve()  # nobody else can pass a folder of mode 0700
        for server in (servers.postgres, servers.valkey):
            assert server is not None
            status = Path(f"/proc/{server.pid}/status").read_text()
            uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
            groups = next(line for line in status.splitlines() if line.startswith("Groups:")).split()[1:]
            assert "0" not in uids
            assert groups == []
        home = servers.home
    assert [path.stat().st_mode for path in hidden.parents] == before
    embedded.discard(hidden)
    assert not home.exists()


@as_root
def test_a_copied_folder_does_not_share_the_data_elsewhere(hidden: Path, tmp_path: Path) -> None:
    """`cp -r` of a checkout copies the pointer; following it would serve one database from two places."""
    copy = tmp_path / "copy"
    with embedded.servers(hidden, durable=False) as servers:
        home = servers.home
    shutil.copytree(hidden, copy)
    try:
        with embedded.servers(copy, durable=False) as servers:
            assert servers.home != home
    finally:
        embedded.discard(copy)
    assert home.exists()


def test_exec_passes_the_addresses_and_the_status() -> None:
    """`python -m devtools.servers.embedded exec` around one command."""
    check = """
        import os, sys, psycopg, redis
        assert psycopg.connect(os.environ["DATABASE_URL"]).execute("SELECT 1").fetchone() == (1,)
        assert redis.Redis.from_url(os.environ["REDIS_URL"]).ping()
        print(os.environ["DATABASE_URL"].rpartition(":")[2].partition("/")[0])
        sys.exit(7)
    """
    command = [sys.executable, "-m", "devtools.servers.embedded", "exec", "--not-durable", "--"]
    done = subprocess.run(
        [*command, sys.executable, "-c", textwrap.dedent(check)],
        cwd=BASE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    with socket.socket() as probe:
        probe.settimeout(1)
        assert probe.connect_ex(("127.0.0.1", int(done.stdout))) != 0


def test_missing_wheels_are_told_in_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install, and what to do instead."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(binaries.EmbeddedError, match=r"requirements-embedded.txt.*DATABASE_URL"):
        embedded.Servers(folder).start()


def test_another_system_is_told_in_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The death of a parent is noticed through Linux, so elsewhere one brings servers of one's own."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(binaries.EmbeddedError, match=r"Linux only.*DATABASE_URL"):
        embedded.Servers(folder).start()


@as_root
def test_no_user_to_drop_to_is_told_in_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No user is made behind anybody's back."""
    monkeypatch.setattr(binaries, "_CANDIDATES", ("no-such-user",))
    with pytest.raises(binaries.EmbeddedError, match="no user no-such-user"):
        embedded.Servers(folder).start()


@pytest.mark.chaos
def test_what_survives_its_parent_is_ended_by_the_next_start(tmp_path: Path) -> None:
    """A process that still works in the data folder is waited for, and then killed."""
    stubborn = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)",
        ],
        cwd=tmp_path,
    )
    processes.end_leftovers(tmp_path, patience=0.2)
    assert stubborn.wait() == -signal.SIGKILL
