"""The message that `make run` prints when the portal is ready."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def text(base: str, var: Path) -> str:
    """Return the addresses, and the sample credentials that `seed_demo` wrote to `var/demo.json`."""
    lines = ["", f"Locker Portal is ready: {base}/", ""]
    for path, description in (
        ("/manage/", "location managers"),
        ("/kiosk/", "the screen at a locker"),
        ("/admin/", "head office"),
        ("/api/v1/docs", "the API"),
        ("/dev/mailbox/", "email and SMS that would have been sent"),
    ):
        lines.append(f"  {base + path:<40} {description}")
    lines += ["", *_credentials(var / "demo.json"), "", f"Logs: {var / 'log'}   Stop: Ctrl-C", ""]
    return "\n".join(lines)


def _credentials(file: Path) -> list[str]:
    if not file.is_file():
        return [f"No sample credentials: {file} does not exist."]
    demo: dict[str, Any] = json.loads(file.read_text())
    lines = [f"Sample credentials (also in {file}):"]
    for name, value in demo.items():
        if isinstance(value, dict) and set(value) == {"username", "password"}:
            value = f"{value['username']}  password {value['password']}"
        if isinstance(value, dict):
            lines.append(f"  {name.replace('_', ' ')}")
            lines += [f"    {key:<20} {item}" for key, item in value.items()]
        else:
            lines.append(f"  {name.replace('_', ' '):<22} {value}")
    return lines
