"""The portal's own hot statements, written down for the peers: the same SQL by construction."""

from __future__ import annotations

import json
import re
from pathlib import Path

from django.db import transaction

from lockers import allocation, availability
from packages_app import access, idempotency, statements
from packages_app.operations import assign, pick_up  # noqa: F401 - the modules are looked up by name below

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def collect() -> dict[str, str]:
    """Each statement with psycopg's named placeholders, as the portal sends it."""
    import sys

    assigning = sys.modules["packages_app.operations.assign"]
    picking = sys.modules["packages_app.operations.pick_up"]
    with transaction.atomic():  # Django compiles a locking SELECT only there
        allocation.claim_sql("best_fit", accessible=False)
        found = {
            "key": access._KEY_BY_PUBLIC_PART,
            "claim_key": idempotency._CLAIM,
            "read_key": idempotency._READ,
            "file_key": idempotency._FILE,
            "location": assigning._LOCATION,
            "assign": statements.assign("best_fit", accessible=False),
            "kiosk": picking._KIOSK,
            "pick_up": statements.PICK_UP,
            "status": availability._BY_CODE,
        }
    return found


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
