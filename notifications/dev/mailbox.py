"""The developer's mailbox: where messages go in development, which has no mail server.

Emails and SMS are lines of JSON in MAILBOX_FILE; `/dev/mailbox/` shows them (`views.py`).
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from email.mime.image import MIMEImage
from itertools import islice
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from notifications.dev import jsonlines

PAGE = 50
SEARCHED = ("to", "from", "subject", "text", "kind", "notification")


class EmailBackend(BaseEmailBackend):
    """Puts each email into the mailbox."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Put the emails into the mailbox; return how many."""
        for mail in email_messages:
            put(
                channel="email",
                to=", ".join(mail.recipients()),
                text=str(mail.body),
                subject=str(mail.subject),
                html=_html(mail),
                kind=mail.extra_headers.get("X-Notification-Kind", ""),
                notification=mail.extra_headers.get("X-Notification-Id", ""),
                **{"from": mail.from_email},
            )
        return len(email_messages)


def _html(mail: EmailMessage) -> str:
    """Return the HTML of an email with its pictures inlined, because a page has no other parts."""
    if not isinstance(mail, EmailMultiAlternatives):
        return ""
    html = next((str(content) for content, mimetype in mail.alternatives if mimetype == "text/html"), "")
    for part in mail.attachments:
        if isinstance(part, MIMEImage):
            data = base64.b64encode(cast(bytes, part.get_payload(decode=True))).decode()
            content_id = str(part["Content-ID"]).strip("<>")
            html = html.replace(f"cid:{content_id}", f"data:{part.get_content_type()};base64,{data}")
    return html


def put(*, channel: str, to: str, text: str, **more: str) -> str:
    """Add a message; return its id."""
    entry = {
        "id": uuid.uuid4().hex,
        "at": timezone.now().isoformat(timespec="milliseconds"),
        "channel": channel,
    }
    jsonlines.append(Path(settings.MAILBOX_FILE), {**entry, "to": to, "text": text, **more})
    return entry["id"]


def page(*, before: int | None = None, search: str = "") -> tuple[list[dict[str, Any]], int | None]:
    """Return up to `PAGE` messages, newest first, and the `before` of the next page (None on the last).

    `search` looks, without regard to case, at addresses, subject, text, kind and notification id. Each
    message has its `position`.
    """
    lines = jsonlines.read_backwards(Path(settings.MAILBOX_FILE), before=before, containing=search)
    matching = ({**entry, "position": start} for start, entry in lines if _matches(entry, search))
    messages = list(islice(matching, PAGE + 1))
    return messages[:PAGE], messages[PAGE - 1]["position"] if len(messages) > PAGE else None


def message(position: int) -> dict[str, Any] | None:
    """Return the message at `position`, or None."""
    return jsonlines.read_at(Path(settings.MAILBOX_FILE), position)


def _matches(entry: dict[str, Any], search: str) -> bool:
    # The lines contain the HTML too, in which a word such as "color" would match every email.
    return not search or any(search.casefold() in str(entry.get(name, "")).casefold() for name in SEARCHED)
