"""Read settings from the environment; an error names the variable and never shows its value."""

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
    """Return the process environment, completed by `.env` or by `var/env`.

    The process environment takes precedence. `make run` writes `var/env`, so that `manage.py` in a second
    terminal uses the same servers.
    """
    env = environ.Env()
    for file in (base_dir / ".env", base_dir / "var" / "env"):
        if file.is_file():
            env.read_env(str(file))
            break
    return env


def refuse(name: str, reason: str) -> ImproperlyConfigured:
    """Return the error for the variable `name`; raise it."""
    return ImproperlyConfigured(f"{name} {reason}. See .env.example.")


def boolean(env: environ.Env, name: str, *, default: bool) -> bool:
    """Return a boolean; a value other than the usual words is refused rather than read as false."""
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
    """Return a number between `least` and `most`."""
    raw = env.str(name, default="")
    try:
        value = float(raw) if raw else float(default)
    except ValueError:
        raise refuse(name, "must be a number") from None
    if not least <= value <= most:
        raise refuse(name, f"must be between {least:g} and {most:g}")
    return value


def whole(env: environ.Env, name: str, *, default: int, least: int, most: int) -> int:
    """Return a whole number between `least` and `most`."""
    value = number(env, name, default=default, least=least, most=most)
    if value != int(value):
        raise refuse(name, "must be a whole number")
    return int(value)


def log_level(env: environ.Env) -> str:
    """Return LOG_LEVEL, one of Python's levels."""
    value = str(env.str("LOG_LEVEL", default="")) or "INFO"
    if value not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise refuse("LOG_LEVEL", "must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return value


def secret_key(env: environ.Env) -> str:
    """Return Django's SECRET_KEY: at least 32 bytes, and not one that `startproject` has generated."""
    value = str(env.str("SECRET_KEY", default=""))
    if not value:
        raise refuse("SECRET_KEY", "is missing")
    if len(value.encode()) < MIN_SECRET_BYTES or len(set(value)) < 10:
        raise refuse("SECRET_KEY", f"is too short or too simple; use {MIN_SECRET_BYTES} random bytes or more")
    if value.startswith("django-insecure"):
        raise refuse("SECRET_KEY", "is the insecure one that startproject generated")
    return value


def code_secrets(env: environ.Env, name: str, *, other: str) -> dict[int, bytes]:
    """Return the secrets by id, from `1:<secret>,2:<secret>`.

    The highest id makes new codes; codes of the others still work. None may be SECRET_KEY (`other`), because
    somebody who can read sessions must not be able to compute codes.
    """
    secrets: dict[int, bytes] = {}
    raw = str(env.str(name, default=""))
    if not raw:
        raise refuse(name, "is missing")
    for part in raw.split(","):
        key_id, colon, value = part.strip().partition(":")
        if not colon or not key_id.isdecimal() or not 0 < int(key_id) < 32768 or int(key_id) in secrets:
            raise refuse(name, "must have the form 1:<secret>[,2:<secret>…], with each id once")
        if len(value.encode()) < MIN_SECRET_BYTES or len(set(value)) < 10:
            raise refuse(name, f"contains a secret with fewer than {MIN_SECRET_BYTES} random bytes")
        if value == other:
            raise refuse(name, "must not be SECRET_KEY")
        secrets[int(key_id)] = value.encode()
    return secrets


def url(env: environ.Env, name: str, *, schemes: tuple[str, ...], default: str = "") -> str:
    """Return a URL with one of `schemes` and a host, or a socket path."""
    value = str(env.str(name, default=default))
    if not value:
        raise refuse(name, "is missing")
    try:
        parts = urlsplit(value)
        valid = parts.scheme in schemes and bool(parts.netloc or parts.path) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise refuse(name, f"must be a URL that starts with {' or '.join(s + '://' for s in schemes)}")
    return value


def public_url(env: environ.Env, *, debug: bool) -> str:
    """Return PUBLIC_URL, which has a scheme and a host only, or an empty string.

    In production it is https.
    """
    value = str(env.str("PUBLIC_URL", default="http://127.0.0.1:8000" if debug else "")).rstrip("/")
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        plain = parts.port != 0 and bool(parts.hostname) and value == f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        plain = False
    if not plain or parts.username is not None or parts.scheme not in ("https", "http"):
        raise refuse("PUBLIC_URL", "must have a scheme and a host only, such as https://lockers.example.com")
    if not debug and parts.scheme != "https":
        raise refuse("PUBLIC_URL", "must start with https://")
    return value


def hosts(env: environ.Env, *, debug: bool) -> list[str]:
    """Return ALLOWED_HOSTS, which must not contain `*` in production."""
    value = [host.strip() for host in env.str("ALLOWED_HOSTS", default="").split(",") if host.strip()]
    if debug:
        return value or ["localhost", "127.0.0.1", "[::1]"]
    if not value:
        raise refuse("ALLOWED_HOSTS", "is empty: list the host names of the portal")
    if "*" in value:
        raise refuse("ALLOWED_HOSTS", "must list host names, not *")
    return value


def origins(env: environ.Env) -> list[str]:
    """Return CSRF_TRUSTED_ORIGINS, each with its scheme, as Django requires."""
    value = [
        origin.strip() for origin in env.str("CSRF_TRUSTED_ORIGINS", default="").split(",") if origin.strip()
    ]
    if any("://" not in origin for origin in value):
        raise refuse("CSRF_TRUSTED_ORIGINS", "must list origins with their scheme, https://…")
    return value


def limit(env: environ.Env, name: str, *, default: str) -> tuple[float, int]:
    """Return the rate per second and the burst of a limit such as `30/h,100`."""
    match = re.fullmatch(r"([0-9]{1,7})/([smh]),([0-9]{1,8})", env.str(name, default=default) or default)
    if match is None or int(match[1]) < 1 or int(match[3]) < 1:
        raise refuse(name, "must have the form <number>/<s, m or h>,<number at once>, such as 1000/s,5000")
    return int(match[1]) / {"s": 1, "m": 60, "h": 3600}[match[2]], int(match[3])


def networks(env: environ.Env, name: str) -> list[IPv4Network | IPv6Network]:
    """Return networks in CIDR notation, separated by commas; a single address is a network of its own."""
    try:
        return [ip_network(part.strip()) for part in env.str(name, default="").split(",") if part.strip()]
    except ValueError:
        raise refuse(name, "must list networks such as 10.0.0.0/8, separated by commas") from None


def time_zone(env: environ.Env) -> str:
    """Return TIME_ZONE, the IANA time zone of head office; locations have their own."""
    value = str(env.str("TIME_ZONE", default="UTC"))
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise refuse("TIME_ZONE", "is not an IANA time zone such as Europe/Tallinn") from None
    return value


def sizes(env: environ.Env, name: str, default: dict[str, Any]) -> dict[str, Any]:
    """Return the dimensions and the greatest weight of each compartment size, read as JSON.

    The sizes are those of `default`; an environment that leaves one out, or names another, is refused.
    """
    raw = env.str(name, default="")
    try:
        value = json.loads(raw) if raw else default
        for size in default:
            figures = value[size]
            valid = all(
                type(figures[key]) is int and figures[key] > 0
                for key in ("height_mm", "width_mm", "depth_mm", "max_weight_g")
            )
            if not valid or len(value) != len(default):
                raise ValueError(size)
    except (ValueError, KeyError, TypeError):
        raise refuse(
            name, f"must be JSON: {', '.join(default)}, each with height_mm, width_mm, depth_mm, max_weight_g"
        ) from None
    return {size: value[size] for size in default}
