"""Who collects: personal data stands in these two tables and in no other."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from common.languages import language_choices
from lockers.models import Location
from notifications import outbox
from packages_app.life import lifecycle
from packages_app.secrets import pickup_codes

_ERASED_IS_EMPTY = Q(erased_at__isnull=True) | Q(name="", email="", phone="")


class Person(models.Model):
    """Somebody who is told things in their own language."""

    name = models.CharField(max_length=100, blank=True, default="")
    email = models.EmailField(blank=True, default="")
    phone = models.CharField(max_length=16, blank=True, default="", help_text="E.164: +3725551234")
    language = models.CharField(max_length=5, blank=True, default="en", choices=language_choices)

    erased_at = models.DateTimeField(
        null=True, editable=False, help_text="When who they are was forgotten; the package stays in the books"
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return "erased" if self.erased_at else self.name or self.email or self.phone

    @property
    def channels(self) -> list[str]:
        """By which they can be told something."""
        return [channel for channel, address in (("email", self.email), ("sms", self.phone)) if address]


class Recipient(Person):
    """Whose package it is."""

    only_channel = models.CharField(
        max_length=5,
        blank=True,
        default="",
        db_default="",
        choices=[("email", "E-mail"), ("sms", "SMS")],
        help_text="The only one that the courier wants used; empty: every one that there is an address for",
    )

    class Meta:
        indexes = [
            models.Index(fields=["email"], condition=~Q(email=""), name="recipient_email_idx"),
            models.Index(fields=["phone"], condition=~Q(phone=""), name="recipient_phone_idx"),
        ]
        constraints = [models.CheckConstraint(condition=_ERASED_IS_EMPTY, name="recipient_erased_is_empty")]

    @property
    def channels(self) -> list[str]:
        """By which they can be told something, and may be."""
        return [channel for channel in super().channels if self.only_channel in ("", channel)]


class AddressChoice(models.Model):
    """What the owner of an address wants to be written at it (`preferences.py`)."""

    digest = models.BinaryField(max_length=32, primary_key=True, help_text="An HMAC: no address as text")
    unwanted = models.BooleanField(
        default=False, db_default=False, help_text="No messages at it, where its owner has another one"
    )
    only_needed = models.BooleanField(
        default=False, db_default=False, help_text="No messages that nobody needs to collect a package"
    )
    since = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        words = {"unwanted": self.unwanted, "only what is needed": self.only_needed}
        return f"{', '.join(word for word in words if words[word])} since {self.since}"


class DelegateQuerySet(models.QuerySet["Delegate"]):
    def unused_code(self, delegate: Delegate, *, version: int) -> pickup_codes.Issued:
        """A code from `version` on that no other delegate at the location has, under any secret in use."""
        others = Delegate.objects.filter(location_id=delegate.location_id).exclude(pk=delegate.pk)
        return pickup_codes.issue_unused(
            delegate.pk,
            delegate.location_id,
            version=version,
            taken=lambda macs: others.filter(code_mac__in=macs).exists(),
            length=pickup_codes.DELEGATE_DIGITS,
        )


class Delegate(Person):
    """Somebody else who may collect one package, with a code of their own, until `withdrawn_at`.

    The code opens only while the package's own code does: what ends the one, ends the other in the same row.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    package = models.ForeignKey("packages_app.Package", on_delete=models.PROTECT, related_name="delegates")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")
    named_at = models.DateTimeField(db_default=Now(), editable=False)
    withdrawn_at = models.DateTimeField(null=True, editable=False)
    # The code itself is computed (`codes.py`), never stored.
    code_version = models.PositiveSmallIntegerField(default=1, editable=False)
    code_secret = models.PositiveSmallIntegerField(default=1, editable=False, help_text="Id of the secret")
    code_mac = models.BinaryField(max_length=32, null=True, editable=False)

    objects = DelegateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["package"], condition=Q(withdrawn_at__isnull=True), name="delegate_one_per_package"
            ),
            models.UniqueConstraint(
                fields=["location", "code_mac"],
                condition=Q(code_mac__isnull=False),
                name="delegate_code_once",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, code_mac__isnull=False)
                | Q(withdrawn_at__isnull=False, code_mac__isnull=True),
                name="delegate_code_pair",
            ),
            models.CheckConstraint(condition=_ERASED_IS_EMPTY, name="delegate_erased_is_empty"),
        ]

    @property
    def code(self) -> str:
        """The nine digits. Raises `KeyError` when their secret was removed from the settings."""
        return pickup_codes.compute(
            self.pk, self.code_version, self.code_secret, pickup_codes.DELEGATE_DIGITS
        )

    def give_code(self, *, version: int) -> None:
        """A code from `version` on; does not save."""
        code = Delegate.objects.unused_code(self, version=version)
        self.code_version, self.code_secret, self.code_mac = code.version, code.secret_id, code.mac

    def withdraw(self, *, now: datetime) -> None:
        """Their code opens nothing any more. The caller holds the package's lock."""
        self.withdrawn_at, self.code_mac = now, None
        self.save(update_fields=["withdrawn_at", "code_mac"])

    def tell(self, *, cause: int, kind: str = "delegated", like_recipient: bool = False) -> None:
        """Their own code, or that it has ended, because of the package's event `cause`.

        In the caller's transaction. `like_recipient`: the recipient is told the same at this event.
        """
        outbox.enqueue(
            kind=kind,
            channels=self.channels,
            subject=f"package:{self.package_id}",
            dedup_prefix=f"{kind}:{cause}",
            priority=lifecycle.PRIORITY.get(kind, lifecycle.DEFAULT_PRIORITY),
            context={"delegate": str(self.pk)} | ({"like_recipient": True} if like_recipient else {}),
        )
