"""What providers' words for a message and its state mean: the one place where they are listed."""

from __future__ import annotations

from notifications.models import Status

# Their names for a message's id, in the answer that took it and in its receipts. The plainest comes last: it
# may be the id of the answer, or of the event.
ID_FIELDS = ("message_id", "messageId", "MessageSid", "sid", "id")

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
