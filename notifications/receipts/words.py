"""What providers' words for the state of a message mean: the one place where they are listed."""

from __future__ import annotations

from notifications.models import Status

# Small letters. The short ones are those of SMPP, which many gateways pass on.
DELIVERED = ("delivered", "delivrd")
BOUNCED = (
    *("bounced", "bounce", "hard_bounce", "failed", "undelivered", "undeliverable", "undeliv"),
    *("rejected", "rejectd", "expired", "deleted"),
)
# Not the end yet: such receipts change nothing.
ON_ITS_WAY = (
    *("accepted", "acceptd", "queued", "scheduled", "buffered", "sending", "sent", "submitted", "enroute"),
    *("deferred", "delayed", "retrying", "soft_bounce", "unknown"),
)
MEANING: dict[str, Status | None] = {
    **dict.fromkeys(DELIVERED, Status.DELIVERED),
    **dict.fromkeys(BOUNCED, Status.BOUNCED),
    **dict.fromkeys(ON_ITS_WAY, None),
}


def meaning(word: str) -> Status | None:
    """DELIVERED, BOUNCED, or None while it is on its way. Raises `KeyError` for a word that is not listed."""
    return MEANING[word.strip().lower().replace("-", "_").replace(" ", "_")]
