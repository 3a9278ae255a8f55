"""The status of one location against the simplest read that the same server can do."""

from __future__ import annotations

from bench import contestants, load
from bench.machine import progress
from bench.options import Options
from bench.report import Report
from bench.world import World

CONNECTIONS = 32


def run(network: World, options: Options, report: Report) -> None:
    """Measure the API call (key, count of 60 doors by size and state), and plain views without a key."""
    rates: dict[str, list[float]] = {"status": [], "count": [], "row": []}
    with contestants.portal() as portal, contestants.bare_read() as bare:
        paths = {
            "status": (portal.address, "/api/v1/lockers/status?location=L0042", network.courier),
            "count": (bare.address, "/count?location=L0042", ""),
            "row": (bare.address, "/row?location=L0042", ""),
        }
        for address, path, key in paths.values():
            load.gets(address, path, connections=CONNECTIONS, seconds=options.warm_up, key=key)
        for number in range(options.rounds):
            for name, (address, path, key) in paths.items():
                progress(f"round {number + 1}: {name}")
                result = load.gets(address, path, connections=CONNECTIONS, seconds=options.seconds, key=key)
                rates[name].append(result.rate)
                if result.refused or result.socket_errors:
                    report.fault(name, [f"{result.refused} refused: {result.errors}"])
    status = report.add("status of one location over HTTP", "requests/s", rates["status"])
    count = report.add("its count alone, in a plain view without a key", "requests/s", rates["count"])
    report.add("one row by its unique code, in a plain view without a key", "requests/s", rates["row"])
    report.judge(
        "status of one location against the bare indexed read", status / count, first_bar=0.6, goal=0.8
    )
