"""Every fact that some kind of message can show."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from lockers.models import Size
from tests.notifications.composers import FACTS

LINK = f"https://lockers.example.com/p/{'x7Kq2LmVb9TzR4wYpN3' * 3:.45}/"  # as long as a real one
UNTIL_MOMENT = FACTS["expires_at"]
LINE = {"since": UNTIL_MOMENT, "due_at": UNTIL_MOMENT, "reason": "hinge"}
WEEK = {
    "location_name": "Tallinn Balti jaam",
    "location_code": "EE-1001",
    "locations": 2,
    "deposits": 112,
    "pickups": 97,
    "half_within": 14.5,
    "expired": 3,
    "returned": 2,
    "average_use": 43,
    "peak_use": 88,
    "faults": 1,
    "downtimes": 2,
    "down_for": 3.5,
    "dead_messages": 4,
}
# Every fact that some kind can show; where a kind asks for a list, the list has one of each.
FULL = {
    **FACTS,
    "extend_url": LINK,
    "owner_name": "Jaan Tamm",
    "delegate_name": "Liis Kask",
    "reason": "hinge",
    "holds_package": True,
    "location_code": "EE-1001",
    "lines": [
        {**LINE, "compartment": "A-07", "tracking_number": "EE1", "cancelled": False},
        {**LINE, "compartment": "B-12", "tracking_number": "EE2", "cancelled": True},
    ],
    "packages": [
        {"compartment": "A-07", "tracking_number": "EE1", "courier_name": "DPD", "since": UNTIL_MOMENT},
    ],
    "sizes": [
        {"size": size, "available": 1, "total": 20, "unverified": 2, "out_of_service": 3}
        for size in Size.names
    ],
    "courier_code": "omniva",
    "used": "412.50",
    "cap": "500.00",
    "refused": 7,
    "week": "47",
    "monday": date(2026, 11, 16),
    "sunday": date(2026, 11, 22),
    "totals": WEEK,
    "rows": [WEEK, {**WEEK, "half_within": None, "average_use": None}],
    "total": 5,
    "count": 5,
    "more": 3,
    "began_at": datetime(2026, 11, 19, 7, 5, tzinfo=ZoneInfo("Europe/Tallinn")),
    "ended_at": datetime(2026, 11, 19, 9, 30, tzinfo=ZoneInfo("Europe/Tallinn")),
}
# What a package may not have (and a moment: `expires_at`).
OPTIONAL = ("recipient_name", "location_address", "extend_url", "owner_name", "delegate_name")
