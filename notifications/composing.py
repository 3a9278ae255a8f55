"""Ask the code that knows a subject what its notifications say, to whom, and whether at all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils.module_loading import import_string

from notifications.channels.registry import Channel
from notifications.messages import Message, Suppressed
from notifications.models import Notification

logger = logging.getLogger(__name__)

Composer = Callable[[Sequence[Notification]], dict[int, Message | Suppressed]]


@dataclass(frozen=True)
class NotComposed:
    """A fault of ours: no composer could say what the message is. It is tried again, as faults get fixed."""

    reason: str


Composed = Message | Suppressed | NotComposed


def compose(notifications: Iterable[Notification]) -> dict[int, Composed]:
    """Return what to do with each notification, by its id; each composer is asked once.

    Raise nothing for what a composer does: the notifications for which it fails are `NotComposed`, and the
    others are not harmed. Only in a transaction, where the database itself fails, it is up to the caller to
    try again: `OperationalError`, `InterfaceError`.
    """
    composed: dict[int, Composed] = {}
    for name, group in groupby(sorted(notifications, key=_composer_name), key=_composer_name):
        composed.update(_compose_group(name, list(group)))
    return composed


def _composer_name(notification: Notification) -> str:
    """Return the key in NOTIFICATION_COMPOSERS: "webhook", or the kind of thing that it is about."""
    if notification.channel == Channel.WEBHOOK:
        return str(Channel.WEBHOOK)
    return notification.about.partition(":")[0]


def _ask(composer: Composer, group: list[Notification]) -> dict[int, Message | Suppressed]:
    if not connection.in_atomic_block:
        return composer(group)
    with transaction.atomic():  # a statement that fails would end the caller's transaction too
        return composer(group)


def _compose_group(name: str, group: list[Notification]) -> dict[int, Composed]:
    path = settings.NOTIFICATION_COMPOSERS.get(name)
    if path is None:
        return {row.pk: NotComposed("No composer knows its subject") for row in group}
    try:
        composer: Composer = import_string(path)
        answers = _ask(composer, group)
    except Exception as error:
        if connection.in_atomic_block and isinstance(error, OperationalError | InterfaceError):
            raise
        if len(group) > 1:  # ask for each by itself, so that only those at fault are not composed
            return {pk: answer for row in group for pk, answer in _compose_group(name, [row]).items()}
        logger.exception("Notification %d could not be composed", group[0].pk)
        return {group[0].pk: NotComposed(f"{type(error).__name__} while composing")}
    missing = NotComposed("The composer gave no answer for it")
    return {row.pk: answers.get(row.pk, missing) for row in group}
