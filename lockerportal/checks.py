"""Start-up checks beyond what reading one variable can tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.database)
def celery_time_limits(**kwargs: Any) -> Sequence[CheckMessage]:
    """A task that may outlive the broker's visibility time-out would be handed out twice."""
    visibility = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    if visibility > settings.CELERY_TASK_TIME_LIMIT:
        return []
    return [Error("CELERY_TASK_TIME_LIMIT must be below the visibility time-out.", id="lockerportal.E001")]
