"""What is forgotten when a recipient is erased, here and in what others have written about them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from notifications.models import Notification
from notifications.models import Status as MessageStatus
from packages_app.models import Delegate, Recipient

_NOBODY = {"name": "", "email": "", "phone": ""}


def erase(package_ids: Iterable[UUID], *, now: datetime) -> int:
    """Erase the recipients and delegates of these packages; return how many recipients."""
    ended = list(package_ids)
    recipients = Recipient.objects.filter(package__in=ended, erased_at__isnull=True)
    ids = list(
        recipients.order_by("pk").select_for_update(of=("self",), no_key=True).values_list("pk", flat=True)
    )
    erased = Recipient.objects.filter(pk__in=ids).update(erased_at=now, **_NOBODY)
    Delegate.objects.filter(package__in=ended, erased_at__isnull=True).update(erased_at=now, **_NOBODY)
    erase_elsewhere(ended, ids)
    return erased


def erase_elsewhere(package_ids: list[UUID], recipient_ids: list[int]) -> None:
    """Erase a provider's message ids and reasons, and the names in the admin's log."""
    messages = Notification.objects.filter(
        subject__in=[f"package:{package_id}" for package_id in package_ids]
    )
    messages.exclude(provider_id="").update(provider_id="")
    with_reason = [MessageStatus.DEAD, MessageStatus.SUPPRESSED, MessageStatus.BOUNCED]
    messages.filter(status__in=with_reason).exclude(reason="erased").update(reason="erased")
    messages.exclude(status__in=with_reason).exclude(reason="").update(reason="")
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Recipient),
        object_id__in=[str(pk) for pk in recipient_ids],
    )
    entries.exclude(object_repr="erased").update(object_repr="erased")
