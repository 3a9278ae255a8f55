"""What can go wrong with the embedded servers."""

from __future__ import annotations

OWN_SERVERS = "Or set DATABASE_URL and REDIS_URL to servers of your own."


class EmbeddedError(Exception):
    """The embedded servers cannot run here; the message is a sentence for the person at the terminal."""
