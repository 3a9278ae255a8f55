"""The operations manual explains what an operator may see."""

from __future__ import annotations

import re
from pathlib import Path

from packages_app.invariants import INVARIANTS

MANUAL = (Path(__file__).parents[2] / "docs/operations.md").read_text()


def test_every_invariant_of_the_audit_is_explained_in_one_row() -> None:
    """Added or renamed an invariant? Say in docs/operations.md what it means when it is violated."""
    rows = re.findall(r"^\| ([IW]\d[\w-]*(?:, [IW]\d[\w-]*)*) \|", MANUAL, re.MULTILINE)
    explained = [name for row in rows for name in row.split(", ")]
    assert sorted(explained) == sorted(invariant.id for invariant in INVARIANTS)
