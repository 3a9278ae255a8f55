"""What every scenario needs: the environment, processes for the time of a run, and progress messages."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from devtools.servers import processes

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "var" / "bench"

# As in production, except for the redirect to https: the load comes over plain HTTP on loopback.
ENVIRONMENT = {
    "DEBUG": "false",
    "ALLOWED_HOSTS": "127.0.0.1",
    "CSRF_TRUSTED_ORIGINS": "https://127.0.0.1",
    "SECURE_SSL_REDIRECT": "false",
    "SECRET_KEY": "for-benchmarks-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEF",
    "PICKUP_CODE_SECRETS": "1:for-benchmarks-only-9876543210-zyxwvutsrqponmlkjihgfedcba",
    "SMS_BACKEND": "notifications.sms.http.SmsBackend",
    "SMS_GATEWAY_URL": "https://127.0.0.1:9/",
    "SMS_GATEWAY_TOKEN": "for-benchmarks-only",
    "EMAIL_URL": "smtp://127.0.0.1:9",
    "DEFAULT_FROM_EMAIL": "Bench <bench@example.com>",
    "LOG_LEVEL": "WARNING",
    "RATE_LIMIT_KEY": "1000000/s,5000000",  # counted, but never reached
    "SMS_DAILY_CAP": "1000000000",
    "SMS_PER_PACKAGE": "1000000",
    "SMS_PER_NUMBER": "1000000",
    "DJANGO_SETTINGS_MODULE": "lockerportal.settings",
    "PYTHONPATH": str(ROOT),
}


def progress(text: str) -> None:
    """Print a line to stderr; the figures go to stdout."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def require_wrk() -> str:
    """Return the path of the load generator, or exit with a sentence."""
    path = shutil.which("wrk")
    if path is None:
        raise SystemExit("The benchmarks need the load generator wrk (Debian: apt install wrk).")
    return path


def free_port() -> int:
    """Return a port on loopback that no program listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(
    name: str, command: Sequence[str | Path], **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process for the time of the block, with its log in var/bench/NAME.log; it ends with this one."""
    with (OUTPUT / f"{name}.log").open("wb") as log:
        child = processes.spawn(
            command, log=log, death_signal=signal.SIGTERM, cwd=ROOT, env={**os.environ, **environment}
        )
        try:
            yield child
        finally:
            processes.stop(child, [(signal.SIGTERM, 15.0)])


def wait_until_ready(child: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until `url` answers 200. Raises `RuntimeError` if the process ends before, or takes too long."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        if child.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{url} did not start; see {log}")
        time.sleep(0.1)


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of a process and its living descendants."""
    parents: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
            used[int(entry.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    todo, total = [pid], 0.0
    while todo:
        current = todo.pop()
        total += used.get(current, 0.0)
        todo += parents.get(current, [])
    return total


def python(*arguments: str | Path) -> list[str | Path]:
    """Return a command line for this Python."""
    return [sys.executable, *arguments]
