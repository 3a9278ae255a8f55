"""One hot location with many compartments against many locations, at 128 connections."""

from __future__ import annotations

from bench import contestants, load
from bench.machine import progress
from bench.options import Options
from bench.report import Report
from bench.scenarios.throughput import measured
from bench.world import HOT_CODE, World

CONNECTIONS = 128


def run(network: World, options: Options, report: Report) -> None:
    """Send the same drop-offs and pickups to one location, then to the whole network."""
    places = {"spread": network.spread, "hot": [HOT_CODE]}
    rates: dict[str, list[float]] = {name: [] for name in places}
    with contestants.portal() as server:
        load.drops(server.address, network, network.spread, connections=16, seconds=options.warm_up)
        for number in range(options.rounds):
            for name, locations in places.items():
                progress(f"round {number + 1}: {name}")
                result, _ = measured(server, network, locations, CONNECTIONS, options, report)
                rates[name].append(result.rate)
    hot = report.add("one hot location, 128 connections", "requests/s", rates["hot"])
    spread = report.add("spread over 100 locations, 128 connections", "requests/s", rates["spread"])
    report.judge("hot location against spread load, 128 connections", hot / spread, first_bar=0.8, goal=0.9)
