"""The environment that `make run` gives Django, kept in `var/env`: server URLs and development secrets.

`lockerportal/env/parsing.py` reads the file too, so `manage.py` in another terminal uses the same portal.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import environ

from devtools.private_file import write_private


def environment(env_file: Path, dotenv: Path, urls: dict[str, str]) -> dict[str, str]:
    """Return the environment for the portal's processes, and write it to the private file `env_file`.

    The process environment wins, then `dotenv`, then `urls` and the development values. Their secrets stay
    the same from run to run, because the pickup codes in the database are computed from them.
    """
    known = read(env_file)
    values = {
        "DEBUG": "true",
        "SECRET_KEY": known.get("SECRET_KEY") or secrets.token_urlsafe(48),
        "PICKUP_CODE_SECRETS": known.get("PICKUP_CODE_SECRETS") or f"1:{secrets.token_urlsafe(48)}",
        **urls,
    }
    lines = ["# Written by `make run`, for this machine only. Never use it in production."]
    lines += [f"{name}={value}" for name, value in values.items()]
    write_private(env_file, "\n".join(lines) + "\n")
    given = {**read(dotenv), **os.environ}
    return {**given, **{name: given.get(name) or value for name, value in values.items()}}


def read(file: Path) -> dict[str, str]:
    """Return the variables that `file` sets; none if it does not exist."""
    variables: dict[str, str] = {}
    if file.is_file():

        class Reader(environ.Env):  # type: ignore[misc]
            ENVIRON = variables

        Reader.read_env(str(file))
    return variables
