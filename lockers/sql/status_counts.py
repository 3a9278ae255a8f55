"""How many compartments are in each state: the states of `Compartment.status`, counted by PostgreSQL."""

from __future__ import annotations

from lockers.models import Compartment
from lockers.models.compartment import STATUS_BY_OCCUPANCY

# The names of the columns that `COUNTS` gives.
NAMES = ("total", *Compartment.Status.values)


def _count(status: Compartment.Status) -> str:
    if status == Compartment.Status.OUT_OF_SERVICE:
        where = "out_of_service_at IS NOT NULL"
    else:
        occupancies = ", ".join(f"'{key}'" for key, shown in STATUS_BY_OCCUPANCY.items() if shown == status)
        where = f"occupancy IN ({occupancies}) AND out_of_service_at IS NULL"
    return f"count(*) FILTER (WHERE {where}) AS {status}"


# Rows without an id stand for sizes of which there is none.
COUNTS = ", ".join(("count(id) AS total", *(_count(status) for status in Compartment.Status)))
