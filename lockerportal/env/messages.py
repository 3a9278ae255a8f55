"""Read the settings of messages: production refuses to start with a backend that sends nothing."""

from __future__ import annotations

import base64
import importlib.util
import json
import re
from decimal import Decimal
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

import environ
import phonenumbers

from lockerportal.env import parsing as read

SMTP = "notifications.email.smtp.EmailBackend"
SMS_HTTP = "notifications.sms.http.SmsBackend"
MAILBOX_EMAIL = "notifications.dev.mailbox.EmailBackend"
MAILBOX_SMS = "notifications.sms.mailbox.SmsBackend"
# Other names of our own backends: Django's SMTP backend has no deadline for a whole send, and the others are
# the paths of ours before they moved.
OTHER_NAMES = {
    "django.core.mail.backends.smtp.EmailBackend": SMTP,
    "notifications.smtp.EmailBackend": SMTP,
    "notifications.mailbox.EmailBackend": MAILBOX_EMAIL,
}
SEND_NOTHING = {
    MAILBOX_EMAIL,
    MAILBOX_SMS,
    *(
        f"django.core.mail.backends.{name}.EmailBackend"
        for name in ("console", "dummy", "filebased", "locmem")
    ),
    *(f"notifications.sms.{name}.SmsBackend" for name in ("console", "file", "locmem")),
}
PROVIDER = r"[a-z0-9][a-z0-9_-]{0,39}"
PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def backend(env: environ.Env, name: str, *, default: str, debug: bool) -> str:
    """Return the dotted path of a backend; in production it must be one that really sends."""
    value = str(env.str(name, default=default))
    value = OTHER_NAMES.get(value, value)
    if not all(part.isidentifier() for part in value.split(".")) or "." not in value:
        raise read.refuse(name, "must be the dotted path of a class" if value else "is missing")
    if not debug and value in SEND_NOTHING:
        raise read.refuse(name, "must be a backend that sends: this one is for development and tests")
    return value


def smtp(env: environ.Env) -> dict[str, Any]:
    """Return Django's settings for EMAIL_URL: smtp://, smtp+tls:// (STARTTLS) or smtp+ssl://user:pw@host:port."""
    value = read.url(env, "EMAIL_URL", schemes=tuple(PORTS))
    if not urlsplit(value).hostname:
        raise read.refuse("EMAIL_URL", "names no host")
    return {
        **environ.Env.email_url_config(value),
        "EMAIL_PORT": urlsplit(value).port or PORTS[urlsplit(value).scheme],
    }


def sender(env: environ.Env, *, debug: bool) -> str:
    """Return DEFAULT_FROM_EMAIL: an address, with or without a name."""
    value = str(env.str("DEFAULT_FROM_EMAIL", default="Locker Portal <parcels@localhost>" if debug else ""))
    if not value:
        raise read.refuse("DEFAULT_FROM_EMAIL", "is missing")
    name, _, domain = parseaddr(value)[1].rpartition("@")
    if not (name and domain) or "\n" in value or "\r" in value:
        raise read.refuse(
            "DEFAULT_FROM_EMAIL", "must be an email address, such as Lockers <lockers@example.com>"
        )
    return value


def second_backend(env: environ.Env, name: str, *, debug: bool) -> str:
    """Like `backend`, but optional: return "" unless SMS_BACKEND_2 or its gateway URL is set."""
    wanted = env.str(name, default="") or env.str("SMS_GATEWAY_URL_2", default="")
    return backend(env, name, default="", debug=debug) if wanted else ""


def provider(env: environ.Env, name: str, *, default: str, other: str = "") -> str:
    """Return the name of a provider in rows and in the admin; it must differ from that of the `other` one."""
    value = str(env.str(name, default="")) or default
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", value):
        raise read.refuse(name, "must be up to 40 lowercase letters, digits and hyphens")
    if value == other:
        raise read.refuse(name, "must differ from the name of the first provider")
    return value


def gateway(env: environ.Env, name: str, *, debug: bool) -> str:
    """Return the URL of a gateway, or "": the backend says whether it needs one (`notifications.sms`).

    Pickup codes are sent to it, so in production it is https, or a gateway on this machine.
    """
    if not env.str(name, default=""):
        return ""
    value = read.url(env, name, schemes=("https", "http"))
    parts = urlsplit(value)
    if not parts.hostname:
        raise read.refuse(name, "names no host")
    if not debug and parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise read.refuse(name, "must begin with https://")
    return value


def gateway_token(env: environ.Env, name: str) -> str:
    """Return the token of a gateway, or "": it goes into a header, so it is one word of visible ASCII."""
    value = str(env.str(name, default=""))
    if not all("!" <= letter <= "~" for letter in value):
        raise read.refuse(name, "must be visible ASCII characters without spaces")
    return value


def countries(env: environ.Env) -> frozenset[str]:
    """Return SMS_COUNTRIES, the countries to which SMS are sent, from `EE,LV,LT`; empty for all."""
    value = frozenset(
        part.strip().upper() for part in env.str("SMS_COUNTRIES", default="").split(",") if part.strip()
    )
    if not value <= phonenumbers.SUPPORTED_REGIONS:
        raise read.refuse("SMS_COUNTRIES", "must be ISO codes of countries, such as EE,LV,LT")
    return value


def prices(env: environ.Env) -> dict[str, Decimal]:
    """Return SMS_PRICES: what one segment costs by country, from JSON with a `default` for all others."""
    try:
        raw = json.loads(env.str("SMS_PRICES", default="") or '{"default": 0.10}', parse_float=Decimal)
        if any(type(price) not in (int, Decimal) for price in raw.values()):
            raise ValueError
        value = {str(country): Decimal(price) for country, price in raw.items()}
        known = value.keys() - {"default"} <= phonenumbers.SUPPORTED_REGIONS
        if not known or not all(
            Decimal("0.0001") <= price <= 1000 for price in [value["default"], *value.values()]
        ):
            raise ValueError
    except (ValueError, AttributeError, KeyError, TypeError):
        raise read.refuse(
            "SMS_PRICES", 'must be JSON of prices by ISO code, with a default: {"default": 0.10, "EE": 0.045}'
        ) from None
    return value


def receipt_secrets(env: environ.Env) -> dict[str, list[bytes]]:
    """Return RECEIPT_SECRETS by provider, from `first:whsec_<base64>,…`; two while a secret is rotated."""
    secrets: dict[str, list[bytes]] = {}
    for part in env.str("RECEIPT_SECRETS", default="").split(","):
        if not part.strip():
            continue
        provider, _, secret = part.strip().partition(":")
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            key = b""
        if not re.fullmatch(PROVIDER, provider) or not secret.startswith("whsec_"):
            raise read.refuse("RECEIPT_SECRETS", "must be <provider>:whsec_<base64>[,…]")
        if not 24 <= len(key) <= 64:  # as Standard Webhooks requires
            raise read.refuse("RECEIPT_SECRETS", "contains a secret that is not base64 of 24 to 64 bytes")
        secrets.setdefault(provider, []).append(key)
    if any(len(keys) > 2 for keys in secrets.values()):
        raise read.refuse("RECEIPT_SECRETS", "has more than two secrets of one provider")
    return secrets


def anymail(env: environ.Env, email_backend: str) -> dict[str, Any]:
    """Return ANYMAIL, the settings of django-anymail, if EMAIL_BACKEND is one of its own; else empty."""
    if not email_backend.startswith("anymail."):
        return {}
    if importlib.util.find_spec("anymail") is None:
        raise read.refuse("EMAIL_BACKEND", "needs django-anymail: pip install -r requirements-anymail.txt")
    try:
        value = json.loads(env.str("ANYMAIL", default=""))
        secrets = value.get("WEBHOOK_SECRET", [])
        for secret in [secrets] if isinstance(secrets, str) else list(secrets):
            user, _, password = secret.partition(":")
            if not user or len(password.encode()) < 24:
                raise ValueError
    except (ValueError, TypeError, AttributeError):
        raise read.refuse(
            "ANYMAIL",
            "must be the settings of django-anymail as JSON; the password in its WEBHOOK_SECRET, "
            "<user>:<password>, must have at least 24 random characters",
        ) from None
    # Sending must end before the lease of the message does, even if the provider does not answer.
    return {"REQUESTS_TIMEOUT": 10, **value}
