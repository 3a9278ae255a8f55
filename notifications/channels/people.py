"""The channels by which people are told, and the field of a person that holds their address on each."""

from __future__ import annotations

from notifications.channels.registry import CHANNELS

# Models, and the SQL that writes messages for many people at once, derive from it who is told by which
# channel.
ADDRESS_FIELDS: dict[str, str] = {
    str(channel): info.address_field for channel, info in CHANNELS.items() if info.address_field
}


def shares_an_address(channel: str) -> bool:
    """Return whether an earlier channel leads to the same address, as two apps do on one phone."""
    earlier = list(ADDRESS_FIELDS)[: list(ADDRESS_FIELDS).index(channel)]
    return ADDRESS_FIELDS[channel] in {ADDRESS_FIELDS[name] for name in earlier}


def others(channel: str) -> list[str]:
    """Return the channels that may stand in for `channel` when it has failed, the first choice first."""
    return [name for name in ADDRESS_FIELDS if name != channel] if channel in ADDRESS_FIELDS else []
