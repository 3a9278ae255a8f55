"""Turning a message into words, at the moment in which it is sent and in its reader's language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.conf import settings
from django.template import Context
from django.template.loader import get_template
from django.utils import translation

from notifications.gsm7 import to_gsm7
from notifications.messages import Message


@dataclass(frozen=True)
class EmailText:
    """The words of one e-mail."""

    subject: str
    body: str
    html: str


def email(kind: str, message: Message) -> EmailText:
    """The e-mail of `kind`. Raises what Django raises for a template that is missing or broken."""
    with translation.override(message.language):
        return EmailText(
            subject=" ".join(_render(kind, "subject.txt", message).split()),
            body=_paragraphs(_render(kind, "email.txt", message)),
            html=_render(kind, "email.html", message),
        )


def sms(kind: str, message: Message) -> str:
    """The SMS of `kind`, in one line and, where its words allow it, in the alphabet of short messages."""
    with translation.override(message.language):
        return to_gsm7(" ".join(_render(kind, "sms.txt", message).split()))


def _render(kind: str, name: str, message: Message) -> str:
    # Django's loader hides its Template, whose Context alone can leave moments in the zone that they have.
    template = cast(Any, get_template(f"notifications/{kind}/{name}")).template
    values = {"network_name": settings.NETWORK_NAME, **message.context}
    return str(template.render(Context(values, autoescape=name.endswith(".html"), use_tz=False)))


def _paragraphs(text: str) -> str:
    """`text` without trailing blanks, and with no more than one empty line between two paragraphs."""
    lines: list[str] = []
    for line in (raw.rstrip() for raw in text.strip().splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines) + "\n"
