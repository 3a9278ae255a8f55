"""Load over HTTP by wrk: as many requests as the server can answer."""

from __future__ import annotations

import json
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from bench.machine import OUTPUT, require_wrk
from bench.world import World

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Result:
    """The result of one run. `rate` counts good answers only, `refused` all others."""

    rate: float
    p50_ms: float
    p99_ms: float
    dropoffs: int = 0
    pickups: int = 0
    refused: int = 0
    socket_errors: int = 0
    errors: str = ""


def drops(
    address: str,
    world: World,
    locations: list[str],
    *,
    connections: int,
    seconds: float,
    prefix: str = "/api/v1",
) -> Result:
    """Send drop-offs and pickups, half and half, as fast as `connections` callers get answers."""
    file = world.to_lua(OUTPUT / "world.lua", locations)
    out = _wrk(address, connections, seconds, HERE / "drops.lua", str(file), uuid.uuid4().hex[:10], prefix)
    return Result(
        rate=(out["dropoffs"] + out["pickups"]) / out["seconds"],
        p50_ms=out["p50_ms"],
        p99_ms=out["p99_ms"],
        dropoffs=out["dropoffs"],
        pickups=out["pickups"],
        refused=out["refused"],
        socket_errors=out["socket_errors"],
        errors=out["errors"],
    )


def gets(address: str, path: str, *, connections: int, seconds: float, key: str = "") -> Result:
    """Send the same GET repeatedly."""
    out = _wrk(address, connections, seconds, HERE / "gets.lua", path, key)
    good = out["requests"] - out["refused"]
    return Result(
        rate=good / out["seconds"],
        p50_ms=out["p50_ms"],
        p99_ms=out["p99_ms"],
        refused=out["refused"],
        socket_errors=out["socket_errors"],
        errors=out["errors"],
    )


def _wrk(address: str, connections: int, seconds: float, script: Path, *arguments: str) -> dict:
    command = [require_wrk(), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s"]
    command += ["--latency", "-s", str(script), address, "--", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    if run.returncode != 0 or not run.stdout.strip():
        raise RuntimeError(f"wrk failed: {run.stderr or run.stdout}")
    return json.loads(run.stdout.strip().splitlines()[-1])
