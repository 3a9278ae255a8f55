"""Export the portal's own hot statements for the peers, so that they run the same SQL."""

from __future__ import annotations

import json
from pathlib import Path

from common.sql import numbered
from packages_app.rules import queueing
from packages_app.sql import api_keys, drop_off, idempotency, pickup


def collect() -> dict[str, str]:
    """Return each statement with psycopg's named placeholders, as the portal sends it."""
    return {
        "courier_key": api_keys.by_text(),
        "kiosk_key": api_keys.by_text(of_kiosk=True),
        "read_answer": idempotency.READ,
        "location": drop_off.LOCATION,
        "assign": drop_off.assign(
            "best_fit", accessible=False, among=queueing.unclaimed, announces=False, keeps=True
        ),
        "pick_up": pickup.pick_up(announces=False),
    }


def write(file: Path) -> Path:
    """Write the statements for the peers, which do not load Django."""
    file.write_text(json.dumps({name: numbered(sql) for name, sql in collect().items()}, indent=1))
    return file
