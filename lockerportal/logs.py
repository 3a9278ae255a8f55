"""Logging without secrets: API keys, signing secrets and pickup codes are cut out of every line."""

from __future__ import annotations

import logging
import re
from typing import Any

# An API key or a webhook's secret wherever it stands, what was typed as a code in the URL of a pickup, and
# what opens a recipient's page. A package's id may stay.
_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SECRETS = re.compile(
    rf"""plk_[a-z]+_[0-9A-Za-z_]+|whsec_[0-9A-Za-z+/=_-]+"""
    rf"""|(?<=/pickup/)(?!{_ID})[^/?#"'\r\n]+|(?<=/p/)[\w-]+"""
)
_CUT = "[redacted]"


def redact(text: str) -> str:
    """`text` without keys, secrets and pickup codes."""
    return _SECRETS.sub(_CUT, text)


class RedactSecrets(logging.Filter):
    """Rewrites a record so that neither message nor traceback shows a key or a pickup code."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            # A line that was written wrong must not become a fault of the request that wrote it.
            message = f"{record.msg} {record.args!r}"
        record.msg = redact(message)
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True


def configuration(level: str) -> dict[str, Any]:
    """Django's LOGGING: one line for each record from `level` up, to stderr, through the filter."""
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
            "django": {"handlers": []},  # its own would print and mail every line a second time, with secrets
            "django.request": {"level": "ERROR"},
            "django.server": {"handlers": [], "propagate": True},
        },
    }
