"""Email, sent by the backend that EMAIL_BACKEND names."""

from __future__ import annotations

import contextlib
import smtplib
import uuid
from collections.abc import Sequence
from email.mime.image import MIMEImage
from email.utils import parseaddr
from typing import Any, ClassVar

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from notifications.delivery.channel import Channel
from notifications.email import anymail
from notifications.email.smtp import EmailBackend as SmtpBackend
from notifications.errors import DeliveryError
from notifications.messages import Message
from notifications.models import Notification
from notifications.text import rendering

SERVICE_CLOSES = 421
TOO_LARGE = 552


class _Mail(EmailMultiAlternatives):
    """An email whose attachments are pictures in its HTML, not files to save."""

    mixed_subtype = "related"

    def message(self, **options: Any) -> Any:
        """Build it like Django, with random boundaries, which saves searching all parts for each of them."""
        built = super().message(**options)
        for part in built.walk():
            if part.is_multipart():
                part.set_boundary(f"=_{uuid.uuid4().hex}")
        return built


class EmailChannel(Channel):
    """A connection to the mail server, kept for one batch."""

    name: ClassVar[str] = "email"

    def __init__(self, provider: str = "") -> None:
        super().__init__(provider)
        self._connection = get_connection()

    @classmethod
    def providers(cls) -> Sequence[str]:
        """Return the one of EMAIL_BACKEND, by the name of its module: smtp, mailgun."""
        return (settings.EMAIL_BACKEND.split(".")[-2],)

    def send(self, notification: Notification, message: Message) -> str:
        """Send the message; return the provider's id, or the Message-ID.

        The Message-ID is the same at each attempt, so that mail programs can drop a duplicate.
        """
        if "@" not in message.to or any(letter.isspace() for letter in message.to):
            raise DeliveryError("Not an email address", permanent=True)
        mail = _compose(notification, message)
        if isinstance(self._connection, SmtpBackend):
            self._connection.begin()
        try:
            self._connection.open()
        except OSError as error:  # every SMTPException is one
            self.close()
            raise DeliveryError(f"Mail server: {_words(error)}") from None
        self._hand_over(mail)
        return anymail.message_id(mail) or str(mail.extra_headers["Message-ID"])

    def _hand_over(self, mail: EmailMultiAlternatives) -> None:
        try:
            if not self._connection.send_messages([mail]):
                raise DeliveryError("The mail backend accepted nothing", permanent=False)
        except DeliveryError:
            raise
        except Exception as error:
            failure = anymail.delivery_error(error) if anymail.raised(error) else _delivery_error(error)
            if failure is None:
                raise
            if failure.channel_failed:
                self.close()  # the connection may be broken
            raise failure from None

    def close(self) -> None:
        """Close the connection, with a goodbye if the server still listens."""
        with contextlib.suppress(OSError):
            self._connection.close()


def _compose(notification: Notification, message: Message) -> EmailMultiAlternatives:
    text = rendering.email(notification.kind, message)
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    mail = _Mail(
        subject=text.subject,
        body=text.body,
        to=[message.to],
        headers={
            "Message-ID": f"<notification-{notification.pk}.{notification.created_at:%Y%m%d%H%M%S}@{domain}>",
            "X-Notification-Id": str(notification.pk),
            "X-Notification-Kind": notification.kind,
            "Auto-Submitted": "auto-generated",  # prevents out-of-office replies
        },
    )
    mail.attach_alternative(text.html, "text/html")
    for picture in text.pictures:
        part = MIMEImage(picture.png, "png")
        part["Content-ID"] = f"<{picture.content_id}>"
        part["Content-Disposition"] = "inline"
        mail.attach(part)
    return mail


def _delivery_error(error: Exception) -> DeliveryError | None:
    """Return whose fault it is, and whether it may pass: in RFC 5321, 4xx means "later" and 5xx "never".

    None for a fault of ours.
    """
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, _reply = next(iter(error.recipients.values()))
            words = f"Recipient refused: {_words(error)}"
            return DeliveryError(words, permanent=code >= 500, channel_failed=code == SERVICE_CLOSES)
        case smtplib.SMTPSenderRefused():
            # Our own address or login, the same for every message, unless it is about the size of this one.
            return DeliveryError(f"Sender refused: {_words(error)}", permanent=error.smtp_code == TOO_LARGE)
        case smtplib.SMTPDataError():
            return DeliveryError(f"Message refused: {_words(error)}", permanent=error.smtp_code >= 500)
        case smtplib.SMTPNotSupportedError():
            return DeliveryError("The mail server does not support such an address", permanent=True)
        case OSError():
            return DeliveryError(f"Mail server: {_words(error)}")
        case ValueError():  # raised by Django and the email library for an impossible address
            return DeliveryError(f"Not an email address: {error}", permanent=True)
        case _:
            return None


def _words(error: OSError) -> str:
    reply: bytes | str
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, reply = next(iter(error.recipients.values()))
        case smtplib.SMTPResponseException():
            code, reply = error.smtp_code, error.smtp_error
        case _:
            return type(error).__name__
    return f"{code}: {reply.decode(errors='replace') if isinstance(reply, bytes) else reply}"
