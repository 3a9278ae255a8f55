"""Logging without secrets: API keys and pickup codes are cut out of every line."""

from __future__ import annotations

import logging
import re

# An API key wherever it stands; and the code in the URL of a pickup.
_SECRETS = re.compile(r"plk_[a-z]+_[0-9A-Za-z_]+|(?<=/pickup/)[\d%\s-]{4,}")
_CUT = "[redacted]"


class RedactSecrets(logging.Filter):
    """Rewrites a record so that neither message nor traceback shows a key or a pickup code."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _SECRETS.sub(_CUT, record.getMessage())
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = _SECRETS.sub(_CUT, record.exc_text)
        return True
