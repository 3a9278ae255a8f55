"""`make run`: starts all, restarts what dies, refuses a second time, and leaves nothing behind."""

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
from devtools.run.guard import FIRST, Guard, members, wait_until
from devtools.servers import embedded

BASE = Path(__file__).resolve().parents[3]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", "__pycache__", "var", ".env", "bench", "node_modules"
)
# Python warns of fork beside threads, which pytest-xdist has; the supervisor forks before it has any.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


class Run:
    """One `python -m devtools.run.supervisor run` in a checkout of its own."""

    def __init__(self, checkout: Path, *arguments: str, **environment: str) -> None:
        """Start it; its words go to a file."""
        self.checkout = checkout
        self.port = free_port()
        self.words = checkout / "words.txt"
        with self.words.open("w") as words:
            self.process = subprocess.Popen(
                command("run", "--port", str(self.port), *arguments),
                cwd=checkout,
                env=plain_environment(**environment),
                stdout=words,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Until the addresses are printed."""
        done = wait_until(lambda: self.process.poll() is not None or "is ready" in self.said(), 90)
        assert done, self.said()
        assert self.process.poll() is None, self.said()

    def said(self) -> str:
        """What it has printed."""
        return self.words.read_text()

    def child(self, words: str) -> int:
        """The id of its own child whose command line holds `words`."""
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            if words in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "):
                return int(pid)
        raise AssertionError(f"no child {words}")

    def answers(self) -> bool:
        """Whether the portal says that it can work."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(json.load(answer)["status"] == "ok")
        except OSError:
            return False


def secrets_of(checkout: Path) -> list[str]:
    """What `var/env` keeps from run to run; the address is that of the run."""
    lines = (checkout / "var" / "env").read_text().splitlines()
    kept = [line for line in lines if line.partition("=")[0] in ("SECRET_KEY", "PICKUP_CODE_SECRETS")]
    assert len(kept) == 2
    return kept


def look_after(run: supervisor.Supervisor, *, times: int) -> None:
    """What the supervisor does all day."""
    for _ in range(times):
        run._look_after()
        time.sleep(0.1)


def command(*arguments: str) -> list[str]:
    """The supervisor's command line."""
    return [sys.executable, "-m", "devtools.run.supervisor", *arguments]


def plain_environment(**more: str) -> dict[str, str]:
    """What a terminal has; not what tests/servers.py has set for the tests."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **more}


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def left_behind(checkout: Path) -> list[str]:
    """Processes that work in the checkout or were started from it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_text().replace("\0", " ")
                if str(checkout) in words or str(checkout) in os.readlink(entry / "cwd"):
                    found.append(words)
            except OSError:
                continue
    return found


@pytest.fixture(scope="module")
def checkout() -> Iterator[Path]:
    """A copy of this checkout, as a newcomer has it, with data of its own."""
    place = Path(tempfile.mkdtemp(prefix="locker-portal-checkout-"))
    place.chmod(0o711)
    shutil.copytree(BASE, place, ignore=LEFT_OUT, dirs_exist_ok=True)
    yield place
    embedded.discard(place / "var")
    shutil.rmtree(place)


@pytest.fixture
def running(checkout: Path) -> Iterator[Run]:
    """A portal that can be used; afterwards it is stopped and nothing is left."""
    run = Run(checkout)
    try:
        run.wait_ready()
        yield run
    finally:
        if run.process.poll() is None:
            run.process.send_signal(signal.SIGINT)
            run.process.wait(60)
        assert wait_until(lambda: not left_behind(checkout), 40), left_behind(checkout)


def test_ctrl_c_stops_all(running: Run) -> None:
    """Usable, then one signal, status 0, and no process left."""
    assert running.answers()
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(60) == 0
    assert "all stopped" in running.said()
    assert left_behind(running.checkout) == []


def test_one_run_in_a_checkout(running: Run) -> None:
    """A second run and a reset are refused in a sentence, and the first goes on."""
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
        assert done.stderr.startswith(f"It is running here already (process {running.process.pid},")
    assert running.answers()


def test_a_second_terminal_finds_the_portal(running: Run) -> None:
    """`manage.py` without any environment works on the same servers; the secrets are private."""
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
def test_what_dies_is_started_again(running: Run) -> None:
    """Each of the five in turn, killed while the others go on."""
    for times, words in enumerate(
        ("granian", "lockerportal worker", "beat", "bin/postgres", "valkey-server"), 1
    ):
        killed = running.child(words)
        os.kill(killed, signal.SIGKILL)
        assert wait_until(lambda: running.said().count("starting it again") == times, 20), running.said()  # noqa: B023
        assert wait_until(running.answers, 40), running.said()
        assert running.child(words) != killed


@pytest.mark.chaos
def test_killed_without_a_chance_it_leaves_nothing(running: Run) -> None:
    """`kill -9`; and at once a new run, with the same secrets and the data of the first."""
    before = secrets_of(running.checkout)
    running.process.kill()
    running.process.wait()
    again = Run(running.checkout)
    try:
        again.wait_ready()
        assert secrets_of(running.checkout) == before
        assert again.answers()
    finally:
        again.process.send_signal(signal.SIGTERM)
        ended = again.process.wait(60)
    assert ended == 0
    assert left_behind(running.checkout) == []


@pytest.mark.chaos
def test_it_stops_with_a_killed_make(checkout: Path) -> None:
    """make may be killed as well, and then nobody is there to press Ctrl-C."""
    words = checkout / "words.txt"
    run = " ".join(command("run", "--port", str(free_port()), "--stop-with-parent"))
    with words.open("w") as opened:
        make = subprocess.Popen(
            ["/bin/sh", "-c", f"{run}; true"],
            cwd=checkout,
            env=plain_environment(),
            stdout=opened,
            stderr=subprocess.STDOUT,
        )
    assert wait_until(lambda: "is ready" in words.read_text(), 90), words.read_text()
    make.kill()
    make.wait()
    assert wait_until(lambda: not left_behind(checkout), 40), left_behind(checkout)
    assert "all stopped" in words.read_text()


def test_a_taken_port_is_told_in_a_sentence(checkout: Path) -> None:
    """Before anything is started."""
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
        == f"Port {port} is not free (Address already in use). Another: make run PORT={port + 1}\n"
    )
    assert "Starting" not in done.stdout


def test_one_address_alone_is_refused(checkout: Path) -> None:
    """A broker of one's own with a database of ours would be a strange half."""
    run = Run(checkout, REDIS_URL="redis://127.0.0.1:1/0")
    assert run.process.wait(60) == 1
    assert "Set both DATABASE_URL and REDIS_URL, or neither" in run.said()


def test_reset_throws_the_data_away(checkout: Path) -> None:
    """Nothing of the folder is left, and doing it twice is no error."""
    (checkout / "var").mkdir(exist_ok=True)
    for _ in range(2):
        done = subprocess.run(command("reset"), cwd=checkout, env=plain_environment(), check=False)
        assert done.returncode == 0
        assert not (checkout / "var").exists()


@forks
def test_what_keeps_dying_is_given_up(tmp_path: Path) -> None:
    """After several quick deaths the run ends, and says where the log is."""
    (tmp_path / "log").mkdir()
    run = supervisor.Supervisor(tmp_path, free_port())
    run.guard = Guard()
    run.environment = plain_environment()
    run.children = [supervisor.Child("web", [sys.executable, "-c", "raise SystemExit('no such module')"])]
    run._start(run.children[0])
    try:
        with pytest.raises(
            run_lock.RunError, match=r"web keeps dying; the end of .*web.log:\nno such module"
        ):
            look_after(run, times=600)
    finally:
        run.guard.dismiss()


@forks
@pytest.mark.chaos
def test_the_guard_ends_what_resists(tmp_path: Path) -> None:
    """A whole process group goes, also a member that ignores SIGTERM."""
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    code = f"import signal, time; {ignore}; print('on', flush=True); time.sleep(600)"
    stubborn = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert stubborn.stdout is not None
    with stubborn.stdout:
        stubborn.stdout.readline()
    guard = Guard(patience=0.3)
    guard.watch(stubborn.pid, turn=FIRST, ending=signal.SIGTERM)
    guard.dismiss()  # the same as the parent's death: the pipe closes
    assert stubborn.wait(10) == -signal.SIGKILL
    assert members([stubborn.pid]) == set()
