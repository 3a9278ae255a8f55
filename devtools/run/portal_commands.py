"""The commands in `bin/` that production starts the portal with, for this Python and this checkout."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[2]


def command(name: str, *options: str) -> list[str]:
    """Return the command line of `bin/NAME`: web, worker, webhooks or beat."""
    return [str(BASE_DIR / "bin" / name), *options]


def with_python(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` with a PATH on which this Python's own granian and celery come first."""
    path = environment.get("PATH", os.defpath)
    return {**environment, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{path}"}
