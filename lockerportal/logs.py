"""Logging without secrets: API keys, signing secrets and pickup codes are removed from every line."""

from __future__ import annotations

import logging
import re
from typing import Any

# An API key or a webhook's secret anywhere, a code in the URL of a pickup, and the token of a recipient's
# page. The id of a package may stay.
_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SECRETS = re.compile(
    rf"""plk_[a-z]+_[0-9A-Za-z_]+|whsec_[0-9A-Za-z+/=_-]+"""
    rf"""|(?<=/pickup/)(?!{_ID})[^/?#"'\r\n]+|(?<=/p/)[\w-]+"""
)
_REPLACEMENT = "[redacted]"


def redact(text: str) -> str:
    """Return `text` without keys, secrets and pickup codes."""
    return _SECRETS.sub(_REPLACEMENT, text)


class RedactSecrets(logging.Filter):
    """Removes keys and pickup codes from the message and the traceback of a record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record and let it pass."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            # A malformed log call must not break the request that made it.
            message = f"{record.msg} {record.args!r}"
        record.msg = redact(message)
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True


def configuration(level: str) -> dict[str, Any]:
    """Return Django's LOGGING: one line for each record from `level` up, to stderr, through the filter."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"redact": {"()": "lockerportal.logs.RedactSecrets"}},
        "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["redact"]},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": []},  # its own would print and mail every line again, with secrets
            "django.request": {"level": "ERROR"},
            "django.server": {"handlers": [], "propagate": True},
        },
    }
