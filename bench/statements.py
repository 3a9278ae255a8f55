"""Export the portal's own hot statements for the peers, so that they run the same SQL."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

from common.sql import numbered
from packages_app.core import idempotency
from packages_app.keys import checking
from packages_app.sql import drop_off_and_pickup


def collect() -> dict[str, str]:
    """Return each statement with psycopg's named placeholders, as the portal sends it."""
    assigning = importlib.import_module("packages_app.operations.packages.assign")
    return {
        "courier_key": checking._by_text(),
        "kiosk_key": checking._by_text(of_kiosk=True),
        "read_answer": idempotency._READ,
        "location": assigning._LOCATION,
        "assign": drop_off_and_pickup.assign("best_fit", accessible=False, announces=False, keeps=True),
        "pick_up": drop_off_and_pickup.pick_up(announces=False),
    }


def write(file: Path) -> Path:
    """Write the statements for the peers, which do not load Django."""
    file.write_text(json.dumps({name: numbered(sql) for name, sql in collect().items()}, indent=1))
    return file
