"""A key is replaced by a new one, and both open doors until everybody has changed over."""

from __future__ import annotations

from datetime import datetime, timedelta

from packages_app.core.actor import Actor
from packages_app.core.operation import Operation
from packages_app.models import ApiKey
from packages_app.operations.couriers import make_key

LONGEST_OVERLAP = timedelta(days=7)
USUAL_OVERLAP = timedelta(hours=24)


class CannotRotate(ValueError):
    """Why not, in words for whoever asked."""


@Operation
def rotate_key(
    *, key_pk: int, by: Actor, now: datetime, overlap: timedelta = USUAL_OVERLAP
) -> tuple[ApiKey, str]:
    """A new key with the same owner, rights and length of life, and its text, which exists nowhere else.

    The old one lives on for `overlap` (7 days at the most), or until its own end where that comes first.
    Two of a line live at a time: raises `CannotRotate` for a key that opens nothing any more, was rotated
    before, or has itself replaced one that still lives.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise CannotRotate("The old key may live on for 7 days at the most.")
    old = ApiKey.objects.select_for_update(of=("self",), no_key=True).get(pk=key_pk)
    if not old.opens(now):
        raise CannotRotate(f"{old} opens nothing any more: make a new key.")
    if ApiKey.objects.filter(replaces=old).exists():
        raise CannotRotate(f"{old} was rotated before.")
    if old.replaces is not None and old.replaces.opens(now):
        raise CannotRotate(f"{old} has replaced {old.replaces}, which still lives: revoke that one first.")
    new, text = make_key.make_key(
        courier=old.courier,
        kiosk=old.kiosk,
        scopes=old.scopes,
        name=old.name,
        life=min(old.expires_at - old.created_at, make_key.LONGEST_LIFE),
        test=old.kind == ApiKey.Kind.TEST,
        made_by=by.name,
        location_ids=old.location_ids,
        networks=old.networks,
        calls_per_second=old.calls_per_second,
        burst=old.burst,
        replaces=old,
    )
    old.expires_at = min(old.expires_at, now + overlap)
    old.save(update_fields=["expires_at"])
    return new, text
