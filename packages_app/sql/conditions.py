"""Conditions that several statements share."""

from __future__ import annotations

# The caller has not given up yet. A server that was frozen still carries out what it had been sent, and a
# statement that is its own transaction would be committed long after the caller got a 503.
IN_TIME = "coalesce(clock_timestamp() < %(waits_until)s::timestamptz, true)"

# Where the hold clock is stopped: the location has a downtime whose time was not given back yet.
CLOCK_STANDS = "(SELECT location_id FROM lockers_downtime WHERE settled_at IS NULL)"
