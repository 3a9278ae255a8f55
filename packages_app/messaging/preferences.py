"""By which channels people want to be written to, and of what: choices about addresses, not one package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.utils.crypto import salted_hmac

from notifications.channels.people import ADDRESS_FIELDS, shares_an_address
from packages_app.models import AddressChoice
from packages_app.models.people import Person

# What their owners have chosen, by address in small letters; whoever has chosen nothing is not in it.
Choices = Mapping[str, AddressChoice]
_NOTHING = AddressChoice()


def addresses(person: Person) -> dict[str, str]:
    """Return where each of their channels leads, in lowercase.

    A choice is about one channel: where a second one leads to the same address, its name comes before it.
    """
    return {channel: _address(person, channel) for channel in person.channels}


def _address(person: Person, channel: str) -> str:
    address = str(getattr(person, ADDRESS_FIELDS[channel])).lower()
    return f"{channel}:{address}" if shares_an_address(channel) else address


def choices(people: Iterable[Person]) -> Choices:
    """Return what has been chosen for the addresses of `people`, with one query."""
    digests = {_digest(address): address for person in people for address in addresses(person).values()}
    found = AddressChoice.objects.filter(pk__in=digests) if digests else []
    return {digests[bytes(row.digest)]: row for row in found}


def wanted(person: Person, chosen: Choices) -> list[str]:
    """Return the channels on which `person` gets messages: at least one if they have an address."""
    own = addresses(person)
    liked = [channel for channel in own if not chosen.get(own[channel], _NOTHING).unwanted]
    return liked or person.channels


def only_needed(person: Person, channel: str, chosen: Choices) -> bool:
    """Whether they want no more by this channel than what they need to collect."""
    return chosen.get(addresses(person).get(channel, ""), _NOTHING).only_needed


def channel_choice(person: Person) -> str:
    """Return `both` for all, or the one channel; empty where there is nothing to choose."""
    if len(person.channels) < 2:
        return ""
    channels = wanted(person, choices([person]))
    return "both" if len(channels) > 1 else channels[0]


def choose_channel(person: Person, channel: str) -> bool:
    """Write by all channels (`both`), or by one only; return False where the person has no such choice."""
    own = addresses(person)
    if len(own) < 2 or channel not in ("both", *own):
        return False
    _keep({address: {"unwanted": channel not in ("both", name)} for name, address in own.items()})
    return True


def kinds_choice(person: Person) -> str:
    """`all` or `needed`; empty for somebody who is not written to at all."""
    chosen = choices([person])
    needed = [only_needed(person, channel, chosen) for channel in person.channels]
    return ("needed" if all(needed) else "all") if needed else ""


def choose_kinds(person: Person, kinds: str) -> bool:
    """From now on `all`, or only what is `needed` to collect; False where that is no choice of theirs."""
    own = addresses(person)
    if not own or kinds not in ("all", "needed"):
        return False
    _keep({address: {"only_needed": kinds == "needed"} for address in own.values()})
    return True


def _keep(chosen: Mapping[str, dict[str, bool]]) -> None:
    """Store the choices; rows equal to the default are deleted."""
    rows = {_digest(address): chosen[address] for address in chosen}
    with transaction.atomic():
        for digest in sorted(rows):
            AddressChoice.objects.update_or_create(pk=digest, defaults=rows[digest])
        AddressChoice.objects.filter(pk__in=rows, unwanted=False, only_needed=False).delete()


def _digest(address: str) -> bytes:
    return salted_hmac("packages_app.preferences", address, algorithm="sha256").digest()
