"""The time zones of each country, from the time zone database."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def countries() -> frozenset[str]:
    """Return the ISO 3166-1 alpha-2 codes of all countries."""
    return frozenset(row[0] for row in _table("iso3166.tab"))


@cache
def zones_by_country() -> dict[str, list[str]]:
    """Return the time zones by country, such as `{"EE": ["Europe/Tallinn"], …}`."""
    zones: dict[str, list[str]] = {}
    for country, _coordinates, zone, *_comment in _table("zone.tab"):
        zones.setdefault(country, []).append(zone)
    return zones


def _table(name: str) -> list[list[str]]:
    text = (files("tzdata.zoneinfo") / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
