"""100,000 packages expire: the portal's sweep against one statement for all, and a pickup meanwhile."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from django.db import connection

from bench import contestants, due, load
from bench.arrivals import Caller, Stream, arrive
from bench.machine import ROOT, progress
from bench.options import Options
from bench.report import Report
from bench.world import World

WAYS = ("sweep", "one statement", "bare update")
PICKUPS = 50  # a second


def run(network: World, options: Options, report: Report) -> None:
    """Try each way on the same rows, while recipients pick up elsewhere."""
    rows = options.sweep_packages
    due.make_compartments(rows)
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    p99: dict[str, list[float]] = {way: [] for way in (*WAYS, "undisturbed")}
    with contestants.portal() as server:
        load.drops(server.address, network, network.spread, connections=16, seconds=options.warm_up)
        for number in range(max(1, min(options.rounds, 2))):
            for way in WAYS:
                progress(f"round {number + 1}: {way}")
                due.make(rows)
                seconds, quiet, busy = asyncio.run(_measure(server.address, network, way, options.seconds))
                rates[way].append(rows / seconds)
                p99["undisturbed"].append(quiet.percentile(0.99))
                p99[way].append(busy.percentile(0.99))
                report.fault(f"sweep, {way}", _check(rows, way) + (quiet.bad + busy.bad)[:3])
    due.drop_compartments()
    medians = {way: report.add(f"expiry of {rows:,}: {way}", "packages/s", rates[way]) for way in WAYS}
    quiet = report.add(f"{PICKUPS} pickups/s undisturbed, p99", "ms", p99["undisturbed"])
    meanwhile = {
        way: report.add(f"{PICKUPS} pickups/s during the {way}, p99", "ms", p99[way]) for way in WAYS
    }
    report.judge(
        "sweep against one statement that writes the same rows",
        medians["sweep"] / medians["one statement"],
        first_bar=0.25,
        goal=0.4,
    )
    report.judge(
        "a pickup's p99 during the sweep against undisturbed",
        meanwhile["sweep"] / quiet,
        first_bar=2,
        goal=2,
        at_most=True,
    )


async def _measure(address: str, network: World, way: str, seconds: float) -> tuple[float, Stream, Stream]:
    """Return the seconds of the sweep, and the pickups before and during it."""
    caller = Caller(address, network, network.spread)
    await caller.connect()
    await caller.prepare(int(PICKUPS * (seconds + 35)), Stream())
    _, quiet = await arrive(caller, seconds, dropoffs=0, pickups=PICKUPS)
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.sweeper",
        way,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
    )
    assert worker.stdout is not None
    assert worker.stdin is not None
    await worker.stdout.readline()  # it has loaded Django and is connected
    worker.stdin.write(b"go\n")
    busy = Stream()
    answer = asyncio.create_task(worker.stdout.readline())
    while not answer.done():
        _, part = await arrive(caller, 0.5, dropoffs=0, pickups=PICKUPS)
        busy.seconds += part.seconds
        busy.bad += part.bad
    await worker.wait()
    await caller.close()
    return float(answer.result()), quiet, busy


def _check(rows: int, way: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM packages_app_package WHERE status = 'EXPIRED'")
        (expired,) = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM notifications_notification WHERE kind = 'expired'")
        (messages,) = cursor.fetchone()
    wrong = [] if expired == rows else [f"{expired} of {rows} expired"]
    if way != "bare update" and messages != 2 * rows:
        wrong.append(f"{messages} messages for {rows} packages")
    return wrong
