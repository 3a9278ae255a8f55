"""Ten times the locations and ten times the packages of the past."""

from __future__ import annotations

import os
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

from bench import contestants, load, past, world
from bench.machine import progress
from bench.options import Options
from bench.report import Report
from bench.world import SPREAD_LOCATIONS, World

CONNECTIONS = 64


def run(network: World, options: Options, report: Report) -> None:
    """Compare the network with one ten times as large, in a second database with its own server."""
    world.reset()
    url = urlsplit(os.environ["DATABASE_URL"])
    big_url = urlunsplit(url._replace(path="/tenfold"))
    name = connection.settings_dict["NAME"]
    _copy_database(name)
    past.add(options.old_packages)
    _switch("tenfold")
    big = World(network.courier, network.courier_id, dict(network.kiosks))
    progress("making ten times the locations and packages")
    for number in range(SPREAD_LOCATIONS, 10 * SPREAD_LOCATIONS):
        world.add_location(big, f"L{number:04d}", doors=60, kiosks=1)
    past.add(10 * options.old_packages)
    _switch(name)
    rates: dict[str, list[float]] = {"once": [], "tenfold": []}
    with (
        contestants.portal() as small_server,
        contestants.portal("tenfold", DATABASE_URL=big_url) as big_server,
    ):
        runs = {"once": (name, small_server, network), "tenfold": ("tenfold", big_server, big)}
        for _, server, each in runs.values():
            load.drops(server.address, each, each.spread, connections=16, seconds=options.warm_up)
        for number in range(options.rounds):
            for which, (database, server, each) in runs.items():
                progress(f"round {number + 1}: {which}")
                _switch(database)
                world.settle()
                world.analyse()
                result = load.drops(
                    server.address, each, each.spread, connections=CONNECTIONS, seconds=options.seconds
                )
                rates[which].append(result.rate)
                if result.refused or result.socket_errors:
                    report.fault(which, [f"{result.refused} refused: {result.errors}"])
                report.fault(which, world.audit() if number == options.rounds - 1 else [])
    _switch(name)
    once = report.add(
        f"drop-off + pickup: {SPREAD_LOCATIONS} locations, {options.old_packages:,} old packages",
        "requests/s",
        rates["once"],
    )
    tenfold = report.add("the same with ten times both", "requests/s", rates["tenfold"])
    report.judge("ten times the locations and packages", tenfold / once, first_bar=0.8, goal=0.9)


def _copy_database(name: str) -> None:
    world.settle()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("DROP DATABASE IF EXISTS tenfold")
    _switch("postgres")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(f'CREATE DATABASE tenfold TEMPLATE "{name}"')
    _switch(name)


def _switch(name: str) -> None:
    """Switch this process to another database of the server."""
    connection.close()
    connection.settings_dict["NAME"] = name
