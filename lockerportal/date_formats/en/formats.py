"""Day first and 24 hours, as on the managers' pages, so that midnight cannot be mistaken for noon."""

from __future__ import annotations

DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y, H:i"
