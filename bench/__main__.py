"""`python -m bench`: compare every hot path with its peers and limits, in one run on one database."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from dataclasses import replace

from bench import machine
from bench.options import Options

SCENARIOS = ("throughput", "hot", "arrivals", "sweep", "delivery", "backlog", "status", "tenfold")


def main() -> int:
    """Run the benchmarks; return 1 if an answer or a row was wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, to see that everything runs")
    parser.add_argument("--only", choices=SCENARIOS, action="append", help="may be given several times")
    parser.add_argument("--rounds", type=int, help="how often each contestant runs (default 5)")
    parser.add_argument("--seconds", type=float, help="how long one run takes (default 4)")
    chosen = parser.parse_args()
    options = Options.quick() if chosen.quick else Options()
    chosen_values = {name: getattr(chosen, name) for name in ("rounds", "seconds") if getattr(chosen, name)}
    options = replace(options, **chosen_values)
    machine.require_wrk()
    machine.OUTPUT.mkdir(parents=True, exist_ok=True)
    os.environ.update(machine.ENVIRONMENT)
    from devtools.servers import embedded

    with embedded.temporary_servers(durable=True) as servers:
        os.environ.update(DATABASE_URL=servers.database_url, REDIS_URL=servers.redis_url)
        return _run(options, chosen.only or SCENARIOS)


def _run(options: Options, names: tuple[str, ...] | list[str]) -> int:
    import django

    django.setup()  # the servers that the settings need run only now
    from bench import statements, world
    from bench.report import Report

    network = world.build()
    os.environ["BENCH_STATEMENTS"] = str(statements.write(machine.OUTPUT / "statements.json"))
    report = Report()
    for name in SCENARIOS:
        if name in names:
            machine.progress(f"=== {name}")
            importlib.import_module(f"bench.scenarios.{name}").run(network, options, report)
            report.to_json(machine.OUTPUT / "report.json")
            world.reset()
    report.print(sys.stdout.write)
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
