"""The names that providers use for message ids and delivery statuses; this is the only list of them."""

from __future__ import annotations

from notifications.models import Status

# Their names for the id of a message, when they accept it and in delivery receipts. The most general is last,
# because it may be the id of the answer or of the event.
ID_FIELDS = ("message_id", "messageId", "MessageSid", "sid", "id")

# In lowercase. The short words are those of SMPP, which many gateways pass on.
DELIVERED = ("delivered", "delivrd")
BOUNCED = (
    *("bounced", "bounce", "hard_bounce", "failed", "undelivered", "undeliverable", "undeliv"),
    *("rejected", "rejectd", "expired", "deleted"),
)
# Not final yet: such receipts change nothing.
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
    """Return DELIVERED, BOUNCED, or None while it is on its way. Raise `KeyError` for an unlisted word."""
    return MEANING[word.strip().lower().replace("-", "_").replace(" ", "_")]
