"""Conditions that several statements share."""

from __future__ import annotations

# Whoever asks has not given up yet. A server that was frozen carries out, as if nothing had been, what it had
# been sent; and a statement that is its own transaction is done then, when the answer has long been 503.
IN_TIME = "coalesce(clock_timestamp() < %(waits_until)s::timestamptz, true)"

# Where the hold clock stands: the location has a downtime whose time was not given back yet.
CLOCK_STANDS = "(SELECT location_id FROM lockers_downtime WHERE settled_at IS NULL)"
