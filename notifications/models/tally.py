"""The counters of the SMS limits."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models


class Tally(models.Model):
    """The counter of one SMS limit: of a payer or a phone number in one day, or of one package.

    `key` never holds a phone number as text, but an HMAC that changes every day.
    """

    key = models.CharField(
        max_length=120,
        primary_key=True,
        help_text="payer:<day>:<name>, number:<day>:<hash> or subject:<subject>.",
    )
    used = models.DecimalField(
        max_digits=14,
        decimal_places=4,
        db_default=0,
        help_text="Money for a payer, otherwise a number of SMS.",
    )
    refused = models.PositiveIntegerField(
        db_default=0, help_text="SMS that were not sent because of this limit."
    )
    day = models.DateField(help_text="The day (UTC) on which it was last used.")

    class Meta:
        verbose_name = "SMS limit"
        verbose_name_plural = "SMS limits"
        indexes: ClassVar[list[Any]] = [models.Index(fields=["day"], name="tally_day")]

    def __str__(self) -> str:
        return self.key
