"""What `make run` gives Django besides servers: development secrets, made once, in `var/env`.

`lockerportal/env/parsing.py` reads the file too, so `manage.py` in a second terminal finds the same portal.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import environ

from devtools.servers.binaries import write_private


def environment(env_file: Path, dotenv: Path, urls: dict[str, str]) -> dict[str, str]:
    """The environment for the portal's processes; writes `env_file`, readable for the owner only.

    The process environment wins, then `dotenv`, then `urls` and the development values, whose secrets stay
    the same from run to run: pickup codes in the database are made from them.
    """
    known = read(env_file)
    values = {
        "DEBUG": "true",
        "SECRET_KEY": known.get("SECRET_KEY") or secrets.token_urlsafe(48),
        "PICKUP_CODE_SECRETS": known.get("PICKUP_CODE_SECRETS") or f"1:{secrets.token_urlsafe(48)}",
        **urls,
    }
    lines = ["# Made by `make run`, for this machine only. Never use it in production."]
    lines += [f"{name}={value}" for name, value in values.items()]
    write_private(env_file, "\n".join(lines) + "\n")
    given = {**read(dotenv), **os.environ}
    return {**given, **{name: given.get(name) or value for name, value in values.items()}}


def read(file: Path) -> dict[str, str]:
    """The variables that `file` sets; none where it does not exist."""
    found: dict[str, str] = {}
    if file.is_file():

        class Reader(environ.Env):  # type: ignore[misc]
            ENVIRON = found

        Reader.read_env(str(file))
    return found
