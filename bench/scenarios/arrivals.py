"""400 drop-offs and 400 pickups a second, arriving at random."""

from __future__ import annotations

import asyncio

from bench import contestants, load, world
from bench.arrivals import Caller, Stream, arrive
from bench.machine import progress
from bench.options import Options
from bench.report import Report
from bench.world import World

RATE = 400


def run(network: World, options: Options, report: Report) -> None:
    """Measure the portal and, for comparison, the FastAPI peer."""
    for start in (contestants.portal, contestants.fastapi):
        with start() as server:
            load.drops(server.address, network, network.spread, connections=16, seconds=options.warm_up)
            kept_up, drop_p99, pick_p99, drop_p50 = [], [], [], []
            for number in range(options.rounds):
                progress(f"round {number + 1}: {server.name}, {RATE} + {RATE}/s")
                world.reset()
                dropped, picked = asyncio.run(_round(server.address, network, options.seconds))
                kept_up.append((dropped.good + picked.good) / max(1, dropped.sent + picked.sent))
                drop_p50.append(dropped.p50)
                drop_p99.append(dropped.percentile(0.99))
                pick_p99.append(picked.percentile(0.99))
                report.fault(f"arrivals at {server.name}", [*dropped.bad, *picked.bad][:3])
                report.fault(f"arrivals at {server.name}", world.check_sums())
            what = f"{RATE} drop-offs/s + {RATE} pickups/s: {server.name}"
            p99 = report.add(f"{what}, drop-off p99", "ms", drop_p99)
            report.add(f"{what}, drop-off p50", "ms", drop_p50)
            p99 = max(p99, report.add(f"{what}, pickup p99", "ms", pick_p99))
            share = report.add(f"{what}, answered well", "of all", kept_up)
            if server.name == "portal":
                report.judge("400 + 400 requests/s arriving: answered", share, first_bar=1, goal=1)
                report.judge(
                    "400 + 400 requests/s arriving: p99, ms", p99, first_bar=100, goal=50, at_most=True
                )


async def _round(address: str, network: World, seconds: float) -> tuple[Stream, Stream]:
    caller = Caller(address, network, network.spread)
    await caller.connect()
    await caller.prepare(RATE, Stream())
    result = await arrive(caller, seconds, dropoffs=RATE, pickups=RATE)
    await caller.close()
    return result
