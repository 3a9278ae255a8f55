"""The channels by which people are told, and the field of a person that holds their address on each."""

from __future__ import annotations

# Models, and the SQL that writes messages for many people at once, derive from it who is told by which
# channel.
ADDRESS_FIELDS = {"email": "email", "sms": "phone"}
