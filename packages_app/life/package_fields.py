"""The fields of a package that the API shows and webhooks tell, in one list."""

from __future__ import annotations

# When something happened to it or ends: columns of its row, members of its JSON, and facts of a webhook's
# message.
MOMENTS = (
    "reserved_until",
    "opened_at",
    "stored_at",
    "expires_at",
    "retrieved_at",
    "cancelled_at",
    "returned_at",
    "held_at",
)
# The columns that may change after an event: a webhook's message keeps them as they were at the event.
CHANGING = ("status", "size", *MOMENTS)
# The members of a package's data in a webhook's message. No name, address or code is among them.
IN_WEBHOOKS = ("id", "tracking_number", "location", "created_at", *CHANGING, "compartment", "collected_by")
