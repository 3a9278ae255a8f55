"""Sessions in PostgreSQL, as Django keeps them."""

from __future__ import annotations

import re

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """Looks up only keys that Django can have created: a quoted cookie may contain anything, even a NUL."""

    def _validate_session_key(self, key: str | None) -> bool:
        return key is not None and re.fullmatch(r"[0-9a-z]{8,40}", key) is not None
