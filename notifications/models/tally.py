"""What has been spent of the limits of SMS."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models


class Tally(models.Model):
    """What has been spent of one limit of SMS: a payer's or a number's of one day, or one subject's.

    `key` holds no number as text, but an HMAC that differs from day to day.
    """

    key = models.CharField(max_length=120, primary_key=True, help_text="payer:<day>:<name>, or as it says.")
    used = models.DecimalField(
        max_digits=14, decimal_places=4, db_default=0, help_text="Money of a payer; else a number of SMS."
    )
    refused = models.PositiveIntegerField(db_default=0, help_text="SMS that were not sent for this limit.")
    day = models.DateField(help_text="In UTC, when it was last looked at.")

    class Meta:
        verbose_name = "limit of SMS"
        verbose_name_plural = "limits of SMS"
        indexes: ClassVar[list[Any]] = [models.Index(fields=["day"], name="tally_day")]

    def __str__(self) -> str:
        return self.key
