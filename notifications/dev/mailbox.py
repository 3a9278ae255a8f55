"""The developer's mailbox: where messages go in development, since no mail server is there.

E-mails and SMS are lines of JSON in MAILBOX_FILE; `/dev/mailbox/` shows them (`views.py`).
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
SHOWN = ("to", "from", "subject", "text", "kind", "notification")  # what a search looks at


class EmailBackend(BaseEmailBackend):
    """Puts each e-mail into the mailbox."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Put them there; return how many."""
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
    """The HTML of an e-mail, its pictures within it, as a page has no other part to look for them."""
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
    """Add one message; return its id."""
    entry = {
        "id": uuid.uuid4().hex,
        "at": timezone.now().isoformat(timespec="milliseconds"),
        "channel": channel,
    }
    jsonlines.append(Path(settings.MAILBOX_FILE), {**entry, "to": to, "text": text, **more})
    return entry["id"]


def page(*, before: int | None = None, search: str = "") -> tuple[list[dict[str, Any]], int | None]:
    """Up to `PAGE` messages, newest first, and the `before` of the next page (None on the last).

    `search` looks at addresses, subject, text, kind and notification id, in letters of either case. Each
    message has its `position`.
    """
    lines = jsonlines.read_backwards(Path(settings.MAILBOX_FILE), before=before, containing=search)
    found = ({**entry, "position": start} for start, entry in lines if _matches(entry, search))
    messages = list(islice(found, PAGE + 1))
    return messages[:PAGE], messages[PAGE - 1]["position"] if len(messages) > PAGE else None


def message(position: int) -> dict[str, Any] | None:
    """The message at `position`, or None."""
    return jsonlines.read_at(Path(settings.MAILBOX_FILE), position)


def _matches(entry: dict[str, Any], search: str) -> bool:
    # The file's lines hold the HTML as well, in which words such as "color" would find everything.
    return not search or any(search.casefold() in str(entry.get(name, "")).casefold() for name in SHOWN)
