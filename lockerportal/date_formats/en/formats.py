"""As on the managers' pages: the day first, and 24 hours, so that nobody takes midnight for noon."""

from __future__ import annotations

DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y, H:i"
