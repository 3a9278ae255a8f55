"""The portal's own hot statements, written down for the peers: the same SQL by construction."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

from django.db import transaction

from lockers import availability
from packages_app import access, idempotency, statements

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def collect() -> dict[str, str]:
    """Each statement with psycopg's named placeholders, as the portal sends it."""
    assigning = importlib.import_module("packages_app.operations.assign")
    picking_up = importlib.import_module("packages_app.operations.pick_up")
    with transaction.atomic():  # Django compiles a locking SELECT only there
        drop_off = statements.assign("best_fit", accessible=False, announces=False)
    return {
        "key": access._KEY_BY_PUBLIC_PART,
        "keep_answer": idempotency._KEEP,
        "read_answer": idempotency._READ,
        "location": assigning._LOCATION,
        "assign": drop_off,
        "kiosk": picking_up._KIOSK,
        "pick_up": statements.pick_up(announces=False),
        "status": availability._BY_CODE,
    }


def numbered(sql: str) -> tuple[str, list[str]]:
    """The statement with `$1`, `$2`, … as PostgreSQL itself writes parameters, and their names in order."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return _PLACEHOLDER.sub(number, sql).replace("%%", "%"), names


def write(file: Path) -> Path:
    """For the peers, which do not load Django."""
    file.write_text(json.dumps({name: numbered(sql) for name, sql in collect().items()}, indent=1))
    return file
