"""By which channels people want to be written to: a choice about their addresses, not about one package."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db import transaction
from django.utils.crypto import salted_hmac

from packages_app.models import UnwantedAddress
from packages_app.models.people import Person


def unwanted(people: Iterable[Person]) -> set[str]:
    """The addresses of `people` that their owners want nothing at; one query for all."""
    digests = {_digest(address): address for person in people for address in _both(person).values()}
    found = UnwantedAddress.objects.filter(pk__in=digests).values_list("pk", flat=True) if digests else []
    return {digests[bytes(digest)] for digest in found}


def wanted(person: Person, unwanted: Collection[str]) -> list[str]:
    """The channels by which `person` is written to: never none where they have an address."""
    both = _both(person)
    return [channel for channel in person.channels if both.get(channel) not in unwanted] or person.channels


def choice(person: Person) -> str:
    """`both`, `email` or `sms`; empty where there is nothing to choose."""
    if not _both(person):
        return ""
    channels = wanted(person, unwanted([person]))
    return "both" if len(channels) > 1 else channels[0]


def choose(person: Person, channel: str) -> bool:
    """From now on `both`, or only `email` or `sms`; False where that is no choice of theirs."""
    both = _both(person)
    if not both or channel not in ("both", *both):
        return False
    with transaction.atomic():
        for name, address in sorted(both.items()):
            digest = _digest(address)
            if channel in ("both", name):
                UnwantedAddress.objects.filter(pk=digest).delete()
            else:
                UnwantedAddress.objects.bulk_create([UnwantedAddress(digest=digest)], ignore_conflicts=True)
    return True


def _both(person: Person) -> dict[str, str]:
    """The addresses of somebody who may be written to at two; nobody else has a choice."""
    return {"email": person.email, "sms": person.phone} if len(person.channels) == 2 else {}


def _digest(address: str) -> bytes:
    return salted_hmac("packages_app.preferences", address.lower(), algorithm="sha256").digest()
