"""Reading the environment: a clear refusal that names the variable and never shows its value."""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

MIN_SECRET_BYTES = 32


def load(base_dir: Path) -> environ.Env:
    """The process environment, completed by `.env` or, in development, by what `make run` wrote.

    The process environment wins. `var/env` exists only where `make run` has made it, so that
    `manage.py` in a second terminal finds the same servers.
    """
    env = environ.Env()
    for file in (base_dir / ".env", base_dir / "var" / "env"):
        if file.is_file():
            env.read_env(str(file))
            break
    return env


def refuse(name: str, reason: str) -> ImproperlyConfigured:
    """The error for variable `name`; raise it."""
    return ImproperlyConfigured(f"{name} {reason}. See .env.example.")


def boolean(env: environ.Env, name: str, *, default: bool) -> bool:
    """A yes/no; anything but the usual words is refused rather than read as "no"."""
    raw = env.str(name, default="")
    if not raw:
        return default
    words = {
        "true": True,
        "1": True,
        "yes": True,
        "on": True,
        "false": False,
        "0": False,
        "no": False,
        "off": False,
    }
    if raw.strip().lower() not in words:
        raise refuse(name, "must be true or false")
    return words[raw.strip().lower()]


def number(env: environ.Env, name: str, *, default: float, least: float, most: float) -> float:
    """A number between `least` and `most`."""
    raw = env.str(name, default="")
    try:
        value = float(raw) if raw else float(default)
    except ValueError:
        raise refuse(name, "must be a number") from None
    if not least <= value <= most:
        raise refuse(name, f"must lie between {least:g} and {most:g}")
    return value


def whole(env: environ.Env, name: str, *, default: int, least: int, most: int) -> int:
    """A whole number between `least` and `most`."""
    value = number(env, name, default=default, least=least, most=most)
    if value != int(value):
        raise refuse(name, "must be a whole number")
    return int(value)


def log_level(env: environ.Env) -> str:
    """LOG_LEVEL: one of Python's own."""
    value = str(env.str("LOG_LEVEL", default="")) or "INFO"
    if value not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise refuse("LOG_LEVEL", "must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return value


def secret_key(env: environ.Env) -> str:
    """Django's SECRET_KEY: at least 32 bytes, and not the one that `startproject` makes."""
    value = str(env.str("SECRET_KEY", default=""))
    if not value:
        raise refuse("SECRET_KEY", "is missing")
    if len(value.encode()) < MIN_SECRET_BYTES or len(set(value)) < 10:
        raise refuse("SECRET_KEY", f"is too short or too simple: {MIN_SECRET_BYTES} random bytes or more")
    if value.startswith("django-insecure"):
        raise refuse("SECRET_KEY", "is the insecure one that startproject made")
    return value


# How many digits a pickup code may have, where its secret says so: fewer could be guessed, and nine are a
# delegate's.
CODE_DIGITS = range(6, 9)


def code_secrets(
    env: environ.Env, name: str, *, other: str, digits: dict[int, int] | None = None
) -> dict[int, bytes]:
    """Return secrets by id, from `1:<secret>,2:<secret>`.

    The highest id makes new codes, the others still open doors.
    Apart from SECRET_KEY (`other`): who reads sessions must not be able to compute codes. Where `digits` is
    given, a secret may say how many digits its codes have, as in `2/6:<secret>`; `digits` then has them by
    id.
    """
    secrets: dict[int, bytes] = {}
    raw = str(env.str(name, default=""))
    if not raw:
        raise refuse(name, "is missing")
    for part in raw.split(","):
        label, colon, value = part.strip().partition(":")
        key_id, slash, count = label.partition("/")
        if not colon or not key_id.isdecimal() or not 0 < int(key_id) < 32768 or int(key_id) in secrets:
            raise refuse(name, "must read 1:<secret>[,2:<secret>…], each id once")
        if slash:
            if digits is None or not count.isdecimal() or int(count) not in CODE_DIGITS:
                raise refuse(name, "may name 6, 7 or 8 digits behind an id, and only for pickup codes")
            digits[int(key_id)] = int(count)
        if len(value.encode()) < MIN_SECRET_BYTES or len(set(value)) < 10:
            raise refuse(name, f"holds a secret shorter than {MIN_SECRET_BYTES} random bytes")
        if value == other:
            raise refuse(name, "must not be SECRET_KEY")
        secrets[int(key_id)] = value.encode()
    return secrets


def url(env: environ.Env, name: str, *, schemes: tuple[str, ...], default: str = "") -> str:
    """A URL of one of `schemes` with a host (or a socket path)."""
    value = str(env.str(name, default=default))
    if not value:
        raise refuse(name, "is missing")
    try:
        parts = urlsplit(value)
        valid = parts.scheme in schemes and bool(parts.netloc or parts.path) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise refuse(name, f"must be a URL that begins with {' or '.join(s + '://' for s in schemes)}")
    return value


def public_url(env: environ.Env, *, debug: bool) -> str:
    """PUBLIC_URL: scheme and host alone, in production https; empty where it is not given."""
    value = str(env.str("PUBLIC_URL", default="http://127.0.0.1:8000" if debug else "")).rstrip("/")
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        plain = parts.port != 0 and bool(parts.hostname) and value == f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        plain = False
    if not plain or parts.username is not None or parts.scheme not in ("https", "http"):
        raise refuse("PUBLIC_URL", "must be scheme and host alone, https://lockers.example.com")
    if not debug and parts.scheme != "https":
        raise refuse("PUBLIC_URL", "must begin with https://")
    return value


def hosts(env: environ.Env, *, debug: bool) -> list[str]:
    """ALLOWED_HOSTS: named hosts, and never `*` outside development."""
    value = [host.strip() for host in env.str("ALLOWED_HOSTS", default="").split(",") if host.strip()]
    if debug:
        return value or ["localhost", "127.0.0.1", "[::1]"]
    if not value:
        raise refuse("ALLOWED_HOSTS", "is empty: name the hosts that the portal answers for")
    if "*" in value:
        raise refuse("ALLOWED_HOSTS", "must name hosts, not *")
    return value


def origins(env: environ.Env) -> list[str]:
    """CSRF_TRUSTED_ORIGINS: each with its scheme, as Django wants them."""
    value = [
        origin.strip() for origin in env.str("CSRF_TRUSTED_ORIGINS", default="").split(",") if origin.strip()
    ]
    if any("://" not in origin for origin in value):
        raise refuse("CSRF_TRUSTED_ORIGINS", "must give each origin with its scheme, https://…")
    return value


def limit(env: environ.Env, name: str, *, default: str) -> tuple[float, int]:
    """`30/h,100`: so many a second, minute or hour, and at once; as the rate a second, and the burst."""
    match = re.fullmatch(r"([0-9]{1,7})/([smh]),([0-9]{1,8})", env.str(name, default=default) or default)
    if match is None or int(match[1]) < 1 or int(match[3]) < 1:
        raise refuse(name, "must read <number>/<s, m or h>,<number at once>, such as 1000/s,5000")
    return int(match[1]) / {"s": 1, "m": 60, "h": 3600}[match[2]], int(match[3])


def networks(env: environ.Env, name: str) -> list[IPv4Network | IPv6Network]:
    """Networks in CIDR with commas between; a single address is one of its own."""
    try:
        return [ip_network(part.strip()) for part in env.str(name, default="").split(",") if part.strip()]
    except ValueError:
        raise refuse(name, "must give networks such as 10.0.0.0/8, with commas between") from None


def time_zone(env: environ.Env) -> str:
    """TIME_ZONE of head office (locations have their own): an IANA name."""
    value = str(env.str("TIME_ZONE", default="UTC"))
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise refuse("TIME_ZONE", "is no IANA time zone such as Europe/Tallinn") from None
    return value


def sizes(env: environ.Env, name: str, default: dict[str, Any]) -> dict[str, Any]:
    """What each compartment size takes, as JSON; the keys are fixed, the figures are the network's own."""
    raw = env.str(name, default="")
    try:
        value = json.loads(raw) if raw else default
        for size in ("SMALL", "MEDIUM", "LARGE"):
            figures = value[size]
            valid = all(
                type(figures[key]) is int and figures[key] > 0
                for key in ("height_mm", "width_mm", "depth_mm", "max_weight_g")
            )
            if not valid or len(value) != 3:
                raise ValueError(size)
    except (ValueError, KeyError, TypeError):
        raise refuse(
            name, "must be JSON: SMALL, MEDIUM and LARGE with height_mm, width_mm, depth_mm, max_weight_g"
        ) from None
    return dict(value)
