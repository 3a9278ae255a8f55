"""`make run` starts everything, restarts processes that die, runs once per checkout and cleans up."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.run import run_lock, supervisor
from devtools.run.reaper import FIRST, Reaper
from devtools.servers import embedded
from devtools.servers.processes import group_members, wait_until

BASE = Path(__file__).resolve().parents[3]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", "__pycache__", "var", ".env", "bench", "node_modules"
)
# Python warns about a fork next to threads, which pytest-xdist has; the supervisor forks before it has any.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
pytestmark = pytest.mark.slow


class Run:
    """A `python -m devtools.run.supervisor run` in its own checkout."""

    def __init__(self, checkout: Path, *arguments: str, **environment: str) -> None:
        """Start it with its output in a file."""
        self.checkout = checkout
        self.port = free_port()
        self.output = checkout / "output.txt"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                command("run", "--port", str(self.port), *arguments),
                cwd=checkout,
                env=plain_environment(**environment),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Wait until the addresses are printed."""
        done = wait_until(lambda: self.process.poll() is not None or "is ready" in self.printed(), 180)
        assert done, self.printed()
        assert self.process.poll() is None, self.printed()

    def printed(self) -> str:
        """Return what it has printed so far."""
        return self.output.read_text()

    def child(self, words: str) -> int:
        """Return the id of its child whose command line contains `words`."""
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            if words in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "):
                return int(pid)
        raise AssertionError(f"no child {words}")

    def is_ready(self) -> bool:
        """Return whether the portal says that it is ready."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(json.load(answer)["status"] == "ok")
        except OSError:
            return False


def secrets_of(checkout: Path) -> list[str]:
    """Return the lines of `var/env` that stay the same from run to run."""
    lines = (checkout / "var" / "env").read_text().splitlines()
    secret_lines = [line for line in lines if line.partition("=")[0] in ("SECRET_KEY", "PICKUP_CODE_SECRETS")]
    assert len(secret_lines) == 2
    return secret_lines


def restart_dead(run: supervisor.Supervisor, *, times: int) -> None:
    """Let the supervisor check its processes several times."""
    for _ in range(times):
        run._restart_dead()
        time.sleep(0.1)


def command(*arguments: str) -> list[str]:
    """Return the supervisor's command line."""
    return [sys.executable, "-m", "devtools.run.supervisor", *arguments]


def plain_environment(**more: str) -> dict[str, str]:
    """Return the environment of a terminal, without what tests/servers.py has set."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **more}


def free_port() -> int:
    """Return a port that no program uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def left_behind(checkout: Path) -> list[str]:
    """Return the command lines of processes that run in the checkout or were started from it."""
    lines = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_text().replace("\0", " ")
                if str(checkout) in words or str(checkout) in os.readlink(entry / "cwd"):
                    lines.append(words)
            except OSError:
                continue
    return lines


@pytest.fixture(scope="module")
def checkout() -> Iterator[Path]:
    """A copy of this checkout without data, as a new developer has it."""
    folder = Path(tempfile.mkdtemp(prefix="locker-portal-checkout-"))
    folder.chmod(0o711)
    shutil.copytree(BASE, folder, ignore=LEFT_OUT, dirs_exist_ok=True)
    yield folder
    embedded.discard(folder / "var")
    shutil.rmtree(folder)


@pytest.fixture
def running(checkout: Path) -> Iterator[Run]:
    """A running portal; afterwards it is stopped and must leave no process behind."""
    run = Run(checkout)
    try:
        run.wait_ready()
        yield run
    finally:
        if run.process.poll() is None:
            run.process.send_signal(signal.SIGINT)
            run.process.wait(60)
        assert wait_until(lambda: not left_behind(checkout), 40), left_behind(checkout)


def test_ctrl_c_stops_everything(running: Run) -> None:
    """One signal is enough; the status is 0 and no process is left."""
    assert running.is_ready()
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(60) == 0
    assert "all stopped" in running.printed()
    assert left_behind(running.checkout) == []


def test_a_second_run_in_a_checkout_is_refused(running: Run) -> None:
    """A second run and a reset fail with a sentence, and the first run continues."""
    for arguments in (["run", "--port", str(free_port())], ["reset"]):
        done = subprocess.run(
            command(*arguments),
            cwd=running.checkout,
            env=plain_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.startswith(
            f"Locker Portal is already running in this checkout (process {running.process.pid},"
        )
    assert running.is_ready()


def test_manage_py_in_another_terminal_uses_the_same_portal(running: Run) -> None:
    """It needs no environment, and other users cannot read the secrets."""
    env_file = running.checkout / "var" / "env"
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--check"],
        cwd=running.checkout,
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.chaos
def test_a_process_that_dies_is_restarted(running: Run) -> None:
    """Each in turn is killed while the others continue."""
    for times, words in enumerate(
        ("granian", "lockerportal worker", "beat", "bin/postgres", "valkey-server"), 1
    ):
        killed = running.child(words)
        os.kill(killed, signal.SIGKILL)
        assert wait_until(lambda: running.printed().count("restarting it") == times, 20), running.printed()  # noqa: B023
        assert wait_until(running.is_ready, 40), running.printed()
        assert running.child(words) != killed


@pytest.mark.chaos
def test_kill_9_leaves_no_process_behind(running: Run) -> None:
    """A new run can start at once, with the secrets and the data of the first."""
    before = secrets_of(running.checkout)
    running.process.kill()
    running.process.wait()
    again = Run(running.checkout)
    try:
        again.wait_ready()
        assert secrets_of(running.checkout) == before
        assert again.is_ready()
    finally:
        again.process.send_signal(signal.SIGTERM)
        ended = again.process.wait(60)
    assert ended == 0
    assert left_behind(running.checkout) == []


@pytest.mark.chaos
def test_it_stops_when_make_is_killed(checkout: Path) -> None:
    """Nobody can press Ctrl-C any more when make is gone."""
    output = checkout / "output.txt"
    run = " ".join(command("run", "--port", str(free_port()), "--stop-with-parent"))
    with output.open("w") as opened:
        make = subprocess.Popen(
            ["/bin/sh", "-c", f"{run}; true"],
            cwd=checkout,
            env=plain_environment(),
            stdout=opened,
            stderr=subprocess.STDOUT,
        )
    assert wait_until(lambda: "is ready" in output.read_text(), 180), output.read_text()
    make.kill()
    make.wait()
    assert wait_until(lambda: not left_behind(checkout), 40), left_behind(checkout)
    assert "all stopped" in output.read_text()


def test_a_port_in_use_is_reported_in_a_sentence(checkout: Path) -> None:
    """The check comes before anything starts."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            command("run", "--port", str(port)),
            cwd=checkout,
            env=plain_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert (
        done.stderr
        == f"Port {port} is in use (Address already in use). Choose another: make run PORT={port + 1}\n"
    )
    assert "Starting" not in done.stdout


def test_one_url_without_the_other_is_refused(checkout: Path) -> None:
    """The developer's own broker with a database of ours is never what was meant."""
    run = Run(checkout, REDIS_URL="redis://127.0.0.1:1/0")
    assert run.process.wait(60) == 1
    assert "Set both DATABASE_URL and REDIS_URL, or neither," in run.printed()


def test_reset_deletes_the_data(checkout: Path) -> None:
    """The folder is gone, and a second reset is not an error."""
    (checkout / "var").mkdir(exist_ok=True)
    for _ in range(2):
        done = subprocess.run(command("reset"), cwd=checkout, env=plain_environment(), check=False)
        assert done.returncode == 0
        assert not (checkout / "var").exists()


@forks
def test_a_process_that_keeps_dying_ends_the_run(tmp_path: Path) -> None:
    """After several quick deaths the run ends and names the log."""
    (tmp_path / "log").mkdir()
    run = supervisor.Supervisor(tmp_path, free_port())
    run.reaper = Reaper()
    run.environment = plain_environment()
    run.children = [supervisor.Child("web", [sys.executable, "-c", "raise SystemExit('no such module')"])]
    run._start(run.children[0])
    try:
        with pytest.raises(
            run_lock.RunError, match=r"web keeps dying; the last lines of .*web.log:\nno such module"
        ):
            restart_dead(run, times=600)
    finally:
        run.reaper.dismiss()


@forks
@pytest.mark.chaos
def test_the_reaper_kills_what_ignores_sigterm(tmp_path: Path) -> None:
    """The whole process group ends, even a member that ignores SIGTERM."""
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    code = f"import signal, time; {ignore}; print('on', flush=True); time.sleep(600)"
    stubborn = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert stubborn.stdout is not None
    with stubborn.stdout:
        stubborn.stdout.readline()
    reaper = Reaper(grace_seconds=0.3)
    reaper.watch(stubborn.pid, turn=FIRST, stop_signal=signal.SIGTERM)
    reaper.dismiss()  # as after the parent's death: the pipe closes
    assert stubborn.wait(10) == -signal.SIGKILL
    assert group_members([stubborn.pid]) == set()
