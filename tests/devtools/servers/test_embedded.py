"""The embedded servers are real, durable and private, and they end when their parent does."""

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

from devtools.servers import account, embedded, processes
from devtools.servers.errors import EmbeddedError
from devtools.servers.processes import wait_until

BASE = Path(__file__).resolve().parents[3]
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root drops to another user")
pytestmark = pytest.mark.slow


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for servers that every user can reach."""
    path = Path(tempfile.mkdtemp(prefix="locker-portal-test-"))
    path.chmod(0o711)
    yield path
    embedded.discard(path)


@pytest.fixture
def hidden(tmp_path: Path) -> Iterator[Path]:
    """A folder that only its owner can reach; it is deleted together with its data elsewhere."""
    tmp_path.chmod(0o700)
    yield tmp_path / "var"
    embedded.discard(tmp_path / "var")


def ask(url: str, query: str) -> str:
    """Return one value from PostgreSQL."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return str(row[0])


def run(url: str, statement: str) -> None:
    """Run a statement and commit."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        connection.execute(statement.encode())


def test_the_servers_are_durable_and_on_loopback_only(folder: Path) -> None:
    """The chaos tests rely on these settings."""
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


def test_a_second_start_keeps_data_and_urls(folder: Path) -> None:
    """A URL in another terminal stays valid, and the data are there."""
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


def test_passwords_are_required_and_private(folder: Path) -> None:
    """Other users of the machine can connect to loopback, so only the password keeps them out."""
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


def test_a_folder_is_used_by_one_start_at_a_time(folder: Path) -> None:
    """Neither a second start nor a deletion is possible while the servers run."""
    with embedded.servers(folder, durable=False) as servers:
        with pytest.raises(EmbeddedError, match="already"):
            embedded.Servers(folder).start()
        with pytest.raises(EmbeddedError, match="stop them first"):
            embedded.discard(folder)
        assert ask(servers.database_url, "SELECT 1") == "1"


def test_a_port_in_use_is_replaced(folder: Path) -> None:
    """Another program may have taken the port of the last start."""
    with embedded.servers(folder, durable=False) as servers:
        url = servers.database_url
    state = json.loads((folder / "servers.json").read_text())
    taken = socket.create_server(("127.0.0.1", int(state["postgres_port"])))
    with taken, embedded.servers(folder, durable=False) as servers:
        assert servers.database_url != url
        assert ask(servers.database_url, "SELECT 1") == "1"


@pytest.mark.parametrize("left", ["", "1\n", "OURS\n/somewhere\n"])
def test_a_stale_lock_file_does_not_prevent_a_start(folder: Path, left: str) -> None:
    """After a crash of the machine it may be cut short, or name the id of another process."""
    with embedded.servers(folder, durable=False) as servers:
        home = servers.home
    (home / "postgres" / "postmaster.pid").write_text(left.replace("OURS", str(os.getpid())))
    with embedded.servers(folder, durable=False) as servers:
        assert ask(servers.database_url, "SELECT 1") == "1"


@pytest.mark.chaos
def test_a_killed_postgres_loses_no_commit(folder: Path) -> None:
    """After `kill -9` the server starts again at the same address."""
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
def test_servers_end_when_their_parent_is_killed(folder: Path) -> None:
    """`kill -9` of the parent leaves no process behind, and the folder can be used again at once."""
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
def test_root_runs_the_servers_as_an_unprivileged_user(hidden: Path) -> None:
    """PostgreSQL refuses root. No folder's mode is changed for it."""
    before = [path.stat().st_mode for path in hidden.parents]
    with embedded.servers(hidden, durable=False) as servers:
        assert servers.home != hidden.resolve()  # other users cannot enter a folder of mode 0700
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
def test_a_copied_folder_does_not_share_data_elsewhere(hidden: Path, tmp_path: Path) -> None:
    """`cp -r` of a checkout copies the pointer; following it would serve one database from two folders."""
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


def test_exec_passes_on_the_urls_and_the_status() -> None:
    """The servers of `python -m devtools.servers.embedded exec` are gone when it ends."""
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


def test_missing_wheels_are_reported_in_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install, and what to do instead."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EmbeddedError, match=r"requirements-embedded.txt.*DATABASE_URL"):
        embedded.Servers(folder).start()


def test_another_system_is_reported_in_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only Linux tells a process that its parent has died."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(EmbeddedError, match=r"Linux only.*DATABASE_URL"):
        embedded.Servers(folder).start()


@as_root
def test_a_missing_user_is_reported_in_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No user is created."""
    monkeypatch.setattr(account, "_CANDIDATES", ("no-such-user",))
    with pytest.raises(EmbeddedError, match="no user no-such-user"):
        embedded.Servers(folder).start()


@pytest.mark.chaos
def test_the_next_start_ends_what_survived_its_parent(tmp_path: Path) -> None:
    """A process that still uses the data folder is killed after a grace period."""
    stubborn = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)",
        ],
        cwd=tmp_path,
    )
    processes.end_leftovers(tmp_path, grace_seconds=0.2)
    assert stubborn.wait() == -signal.SIGKILL
