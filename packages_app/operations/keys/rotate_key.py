"""Replace an API key by a new one; both work until everybody has changed over."""

from __future__ import annotations

from datetime import datetime, timedelta

from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.keys.rights import LONGEST_LIFE, LONGEST_OVERLAP, USUAL_OVERLAP
from packages_app.models import ApiKey
from packages_app.operations.keys.create_key import create_key


class CannotRotate(ValueError):
    """The reason why a key cannot be rotated, for the person who asked."""


@Operation
def rotate_key(
    *, key_pk: int, by: Actor, now: datetime, overlap: timedelta = USUAL_OVERLAP
) -> tuple[ApiKey, str]:
    """Create a key with the same owner, rights and lifetime; return it and its text, which is stored nowhere.

    The old key works for `overlap` longer (7 days at the most), or until its own end if that comes first.
    Raises `CannotRotate` for a key that is expired or revoked, was rotated before, or has itself replaced one
    that still works: two of a line work at a time.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise CannotRotate("The old key may work for 7 days longer at the most.")
    old = ApiKey.objects.select_for_update(of=("self",), no_key=True).get(pk=key_pk)
    if not old.opens(now):
        raise CannotRotate(f"{old} is expired or revoked. Create a new key.")
    if ApiKey.objects.filter(replaces=old).exists():
        raise CannotRotate(f"{old} was rotated before.")
    if old.replaces is not None and old.replaces.opens(now):
        raise CannotRotate(f"{old} has replaced {old.replaces}, which still works. Revoke that one first.")
    new, text = create_key.work(
        courier=old.courier,
        kiosk=old.kiosk,
        scopes=old.scopes,
        name=old.name,
        life=min(old.expires_at - old.created_at, LONGEST_LIFE),
        test=old.kind == ApiKey.Kind.TEST,
        by=by,
        now=now,
        location_ids=old.location_ids,
        networks=old.networks,
        calls_per_second=old.calls_per_second,
        burst=old.burst,
        replaces=old,
    )
    old.expires_at = min(old.expires_at, now + overlap)
    old.save(update_fields=["expires_at"])
    return new, text
