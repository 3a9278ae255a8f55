"""The web servers to measure, each as its own documentation would run it on two cores."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.machine import OUTPUT, cpu_seconds, free_port, process, python, wait_until_ready
from devtools.run.portal_commands import command, with_python

WORKERS, BLOCKING_THREADS = 2, 8


@dataclass(frozen=True)
class Server:
    """A running web server."""

    name: str
    address: str
    pid: int

    def cpu_seconds(self) -> float:
        """Return the processor time that its processes have used so far."""
        return cpu_seconds(self.pid)


@contextlib.contextmanager
def portal(name: str = "portal", *, threads: int = BLOCKING_THREADS, **environment: str) -> Iterator[Server]:
    """Run the portal under granian, as in production."""
    port = free_port()
    chosen = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_WORKERS": str(WORKERS),
        "WEB_THREADS": str(threads),
    }
    with _running(name, command("web"), port, with_python(os.environ) | chosen | environment) as server:
        yield server


@contextlib.contextmanager
def fastapi() -> Iterator[Server]:
    """Run FastAPI and asyncpg under uvicorn (uvloop, httptools)."""
    port = free_port()
    uvicorn = python("-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), "--workers", str(WORKERS))
    uvicorn += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    with _running("fastapi", [*uvicorn, "bench.peers.fastapi_peer:app"], port, {}) as server:
        yield server


@contextlib.contextmanager
def textbook() -> Iterator[Server]:
    """Run the textbook ORM version under gunicorn, with two workers of eight threads."""
    port = free_port()
    gunicorn = python("-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread")
    gunicorn += ["--workers", str(WORKERS), "--threads", "8", "--no-control-socket", "--keep-alive", "30"]
    gunicorn += ["--worker-connections", "1000", "lockerportal.wsgi:application"]
    environment = {"DJANGO_SETTINGS_MODULE": "bench.peers.textbook.settings"}
    with _running("textbook", gunicorn, port, environment) as server:
        yield server


@contextlib.contextmanager
def bare_read() -> Iterator[Server]:
    """Run indexed reads in plain Django views, on the portal's server and settings."""
    with portal("bare", DJANGO_SETTINGS_MODULE="bench.peers.bare_settings") as server:
        yield server


@contextlib.contextmanager
def _running(
    name: str, arguments: Sequence[str | Path], port: int, environment: dict[str, str]
) -> Iterator[Server]:
    with process(name, arguments, **environment) as child:
        address = f"http://127.0.0.1:{port}"
        wait_until_ready(child, address + "/livez", OUTPUT / f"{name}.log")
        yield Server(name, address, child.pid)
