"""Drop-off and pickup over HTTP with everything on: the portal, its peers, and the limits (goals 1 to 3)."""

from __future__ import annotations

import contextlib
from statistics import median

from bench import contestants, load, pgbench, world
from bench.machine import progress
from bench.options import Options
from bench.report import Report
from bench.world import World

CONNECTIONS = (16, 64)
PAIRS = (
    ("fastapi", "FastAPI + asyncpg", 0.5, 1.0),
    ("textbook", "textbook ORM", 2, 3),
    ("pgbench", "pgbench", 0.15, 0.3),
)


def run(network: World, options: Options, report: Report) -> None:
    """Let the contestants take turns, so that other load on the machine affects all alike."""
    rates: dict[tuple[str, int], list[float]] = {}
    with contextlib.ExitStack() as running:
        servers = [
            running.enter_context(start())
            for start in (contestants.portal, contestants.fastapi, contestants.textbook)
        ]
        details: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for server in servers:
            load.drops(server.address, network, network.spread, connections=16, seconds=options.warm_up)
        for number in range(options.rounds):
            for connections in CONNECTIONS:
                for server in servers:
                    progress(f"round {number + 1}: {server.name}, {connections} connections")
                    result, cpu = measured(server, network, network.spread, connections, options, report)
                    rates.setdefault((server.name, connections), []).append(result.rate)
                    details.setdefault((server.name, connections), []).append((result.p99_ms, cpu))
                progress(f"round {number + 1}: pgbench, {connections} clients")
                world.reset()
                rates.setdefault(("pgbench", connections), []).append(
                    pgbench.drops(network, clients=connections, seconds=options.seconds)
                )
                report.fault("pgbench", world.check_sums())
            for server in servers[:2]:
                empty = load.gets(
                    server.address, "/livez", connections=64, seconds=max(2, options.seconds / 2)
                )
                rates.setdefault((f"{server.name} empty", 64), []).append(empty.rate)
    _report(rates, details, report)


def measured(
    server: contestants.Server,
    network: World,
    locations: list[str],
    connections: int,
    options: Options,
    report: Report,
) -> tuple[load.Result, float]:
    """Measure and check a run on an empty network; return also the processor time per request in µs."""
    world.reset()
    before = server.cpu_seconds()
    result = load.drops(server.address, network, locations, connections=connections, seconds=options.seconds)
    cpu = (server.cpu_seconds() - before) / max(1, result.dropoffs + result.pickups) * 1e6
    where = f"{server.name} at {connections} connections"
    wrong = world.check(dropoffs=result.dropoffs, pickups=result.pickups, in_flight=connections)
    wrong += world.audit() if server.name != "textbook" else []
    if result.refused or result.socket_errors:
        wrong.append(f"{result.refused} refused, {result.socket_errors} socket errors: {result.errors}")
    report.fault(where, wrong)
    return result, cpu


def _report(
    rates: dict[tuple[str, int], list[float]],
    details: dict[tuple[str, int], list[tuple[float, float]]],
    report: Report,
) -> None:
    medians = {}
    for (name, connections), rounds in rates.items():
        note = ""
        if (name, connections) in details:
            p99, cpu = zip(*details[name, connections], strict=True)
            note = f"p99 {median(p99):.0f} ms, {median(cpu):.0f} µs of its own CPU a request"
        medians[name, connections] = report.add(
            f"drop-off + pickup: {name}, {connections} connections", "requests/s", rounds, note
        )
    for peer, title, first_bar, goal in PAIRS:
        for connections in CONNECTIONS:
            ratio = medians["portal", connections] / medians[peer, connections]
            report.judge(
                f"drop-off + pickup against {title}, {connections} connections",
                ratio,
                first_bar=first_bar,
                goal=goal,
            )
